import type { Clock, Unsubscribe } from '../../domain/ports/system.ts';
import type { RunEvent } from '../../domain/run.ts';
import { decodeEvents } from '../embedded/sqlite/run-event-codec.ts';
import type { RunKeys } from './redis-keys.ts';
import type { RedisSubscriber } from './redis-subscriber.ts';
import { type AnnouncedBatch, type RunListener, RunTail } from './run-tail.ts';

export interface RunTailsOptions {
  readonly clock: Clock;
  readonly subscriber: Pick<RedisSubscriber, 'add' | 'remove'>;
  readonly read: (keys: RunKeys, after: number, limit: number) => Promise<readonly RunEvent[] | undefined>;
  /** Sequence at which the log goes on now; 0 when nobody has begun it. */
  readonly nextOf: (keys: RunKeys) => Promise<number>;
}
interface Attachment {
  readonly tail: RunTail;
  readonly attached: Promise<void>;
  readonly detach: () => void;
}

/** The runs that somebody in this process listens to: one channel and one tail each, however many listeners. */
export class RunTails {
  readonly #options: RunTailsOptions;
  readonly #attachments = new Map<string, Attachment>();

  constructor(options: RunTailsOptions) {
    this.#options = options;
  }

  /** Every batch appended anywhere after it resolved. Throws when the server cannot be told to announce. */
  async subscribe(keys: RunKeys, listener: RunListener): Promise<Unsubscribe> {
    const attachment = this.#attachments.get(keys.events) ?? this.#attach(keys);
    // One of its own: the same function may subscribe twice.
    const entry: RunListener = (events) => listener(events);
    attachment.tail.add(entry);
    const unsubscribe = () => {
      attachment.tail.remove(entry);
      if (attachment.tail.listenerCount === 0) this.#detach(keys, attachment);
    };
    try {
      await attachment.attached;
      return unsubscribe;
    } catch (error) {
      unsubscribe();
      throw error;
    }
  }

  /** What this process has appended itself need not come back from the server first. */
  announce(keys: RunKeys, batch: AnnouncedBatch): void {
    this.#attachments.get(keys.events)?.tail.announce(batch);
  }

  /** Announcements may have been missed, of any run. */
  fallBehind(): void {
    for (const { tail } of this.#attachments.values()) tail.fallBehind();
  }

  close(): void {
    for (const { tail } of this.#attachments.values()) tail.close();
    this.#attachments.clear();
  }

  #attach(keys: RunKeys): Attachment {
    const { clock, read, subscriber, nextOf } = this.#options;
    const tail = new RunTail({ clock, read: (after, limit) => read(keys, after, limit) });
    const onMessage = (message: string) => tail.announce(parseAnnouncement(message));
    const attach = async () => {
      await subscriber.add(keys.events, onMessage);
      // Asked after the server has begun to announce: nothing can fall between.
      tail.beginAt(await nextOf(keys));
    };
    const detach = () => subscriber.remove(keys.events, onMessage);
    const attachment = { tail, attached: attach(), detach };
    this.#attachments.set(keys.events, attachment);
    return attachment;
  }

  #detach(keys: RunKeys, attachment: Attachment): void {
    if (this.#attachments.get(keys.events) !== attachment) return;
    this.#attachments.delete(keys.events);
    attachment.tail.close();
    attachment.detach();
  }
}

/** `<first sequence> <number of events> <events>`, as the append script writes it. */
function parseAnnouncement(message: string): AnnouncedBatch {
  const [first = '', count = ''] = message.split(' ', 2);
  const text = message.slice(first.length + count.length + 2);
  const firstSequence = Number(first);
  return { firstSequence, count: Number(count), decode: () => decodeOrNone(text, firstSequence) };
}

/** Anybody may publish on a channel; what cannot be read makes the tail look into the log. */
function decodeOrNone(text: string, firstSequence: number): readonly RunEvent[] {
  try {
    return decodeEvents(text, firstSequence);
  } catch {
    return [];
  }
}
