import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Clock } from '../../domain/ports/system.ts';
import type { EdgeOptions } from './options.ts';

/** RFC 6455 "try again later": clients reconnect, and resume after their last cursor. */
const TRY_AGAIN_LATER = 1013;

export interface OutletOptions {
  readonly webSocket: WebSocket;
  /** The connection beneath, whose `drain` says that the kernel took what was buffered. */
  readonly connection: Socket;
  readonly clock: Clock;
  readonly options: Pick<EdgeOptions, 'socketBufferedBytesMax' | 'stallTimeoutMs'>;
}

/** What one socket can take. Shared by all of its operations, so that one stalled socket has one timer. */
export class SocketOutlet {
  readonly #options: OutletOptions;
  #draining: Promise<boolean> | undefined;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  send(frame: string): void {
    this.#options.webSocket.send(frame);
  }

  get full(): boolean {
    const { webSocket, options } = this.#options;
    return webSocket.bufferedAmount > options.socketBufferedBytesMax;
  }

  /** False: the socket is closed, or did not drain in time and is being closed. */
  drained(): Promise<boolean> {
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  async #drain(): Promise<boolean> {
    const { webSocket, connection, clock, options } = this.#options;
    if (!connection.writableNeedDrain) return webSocket.readyState === webSocket.OPEN;
    const waiting = new AbortController();
    const { signal } = waiting;
    const inTime = await Promise.race([
      once(connection, 'drain', { signal }).then(() => true),
      once(connection, 'close', { signal }).then(() => false),
      clock.sleep(options.stallTimeoutMs, signal).then(() => false),
    ]).catch(() => false);
    // Takes the other listeners and the timer away.
    waiting.abort();
    if (!inTime && webSocket.readyState === webSocket.OPEN) {
      webSocket.close(TRY_AGAIN_LATER, 'Too slow; resume after your last cursor');
    }
    return inTime && webSocket.readyState === webSocket.OPEN;
  }
}
