import { DomainError } from '../../src/domain/errors.ts';
import type { Clock } from '../../src/domain/ports/system.ts';
import type { Dice } from './dice.ts';

type Method = (...args: unknown[]) => Promise<unknown>;

/** How likely each fault is at one call of a store. */
export interface FaultRates {
  readonly errorBefore: number;
  readonly errorAfter: number;
  readonly delay: number;
  readonly duplicate: number;
}
export const NO_FAULTS: FaultRates = { errorBefore: 0, errorAfter: 0, delay: 0, duplicate: 0 };

const DELAY_MAX_MS = 1_500;
const LATE_COPY_MAX_MS = 8_000;

interface FaultDeps {
  readonly dice: Dice;
  readonly clock: Clock;
  readonly rates: () => FaultRates;
}

/** A process as its stores and its clock see it: it may stand still, and once it is dead nothing returns to it. */
export class Life {
  readonly name: string;
  readonly died: Promise<'died'>;
  readonly #deps: FaultDeps;
  readonly #onDeath = new Set<() => void>();
  #isAlive = true;
  #die: () => void;
  #frozen: { readonly thawed: Promise<void>; readonly thaw: () => void } | undefined;
  #inFlight = 0;
  inFlightMax = 0;

  constructor(name: string, deps: FaultDeps) {
    this.name = name;
    this.#deps = deps;
    const { promise, resolve } = Promise.withResolvers<'died'>();
    this.died = promise;
    this.#die = () => resolve('died');
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }
  get isFrozen(): boolean {
    return this.#frozen !== undefined;
  }

  kill(): void {
    this.#isAlive = false;
    for (const end of this.#onDeath) end();
    this.#die();
  }
  freeze(): void {
    const { promise: thawed, resolve: thaw } = Promise.withResolvers<void>();
    this.#frozen ??= { thawed, thaw };
  }
  thaw(): void {
    this.#frozen?.thaw();
    this.#frozen = undefined;
  }

  /** The world's clock; who is dead never wakes, who is frozen wakes late. */
  clock(): Clock {
    const { clock } = this.#deps;
    return {
      now: () => clock.now(),
      sleep: (ms, signal) => this.#returning(clock.sleep(ms, signal)),
    };
  }

  wrap<T extends object>(name: string, port: T): T {
    return new Proxy(port, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        const method = member.bind(target) as Method;
        const label = `${name}.${String(property)}`;
        if (property === 'subscribe') {
          return (...args: unknown[]) => this.#call(label, () => this.#subscribe(method, args));
        }
        return (...args: unknown[]) => this.#call(label, () => method(...args));
      },
    });
  }

  /** A listener in a dead process hears nothing, and holds nothing. */
  async #subscribe(subscribe: Method, args: unknown[]): Promise<unknown> {
    const [scope, id, listener] = args as [unknown, unknown, (...heard: unknown[]) => void];
    const hear = (...heard: unknown[]) => {
      if (this.#frozen) void this.#frozen.thawed.then(() => this.#isAlive && listener(...heard));
      else if (this.#isAlive) listener(...heard);
    };
    const unsubscribe = (await subscribe(scope, id, hear)) as () => void;
    this.#onDeath.add(unsubscribe);
    if (!this.#isAlive) unsubscribe();
    return () => {
      this.#onDeath.delete(unsubscribe);
      unsubscribe();
    };
  }

  async #call(label: string, effect: () => Promise<unknown>): Promise<unknown> {
    if (!this.#isAlive) return new Promise(() => undefined);
    this.#inFlight += 1;
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight);
    try {
      return await this.#returning(this.#disturbed(label, effect));
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #disturbed(label: string, effect: () => Promise<unknown>): Promise<unknown> {
    const { dice, clock, rates } = this.#deps;
    const { errorBefore, errorAfter, delay, duplicate } = rates();
    // A registration in this process: nothing on a network would repeat it, or lose its answer.
    const isRequest = !label.endsWith('.subscribe');
    const fault = {
      delayMs: dice.chance(delay) ? dice.upTo(DELAY_MAX_MS) : 0,
      before: dice.chance(errorBefore),
      after: dice.chance(errorAfter) && isRequest,
      copyMs: dice.chance(duplicate) && isRequest ? dice.upTo(LATE_COPY_MAX_MS) : -1,
    };
    dice.note(`${clock.now()} ${this.name} ${label} ${JSON.stringify(fault)}`);
    if (fault.delayMs > 0) await clock.sleep(fault.delayMs);
    if (fault.before) throw lostCall(label, 'before');
    const result = await effect();
    if (fault.copyMs >= 0)
      void clock
        .sleep(fault.copyMs)
        .then(effect)
        .catch(() => undefined);
    if (fault.after) throw lostCall(label, 'after');
    return result;
  }

  #returning<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const deliver = (give: () => void) => {
        if (!this.#isAlive) return;
        if (this.#frozen) void this.#frozen.thawed.then(() => deliver(give));
        else give();
      };
      work.then(
        (value) => deliver(() => resolve(value)),
        (error: unknown) => deliver(() => reject(error)),
      );
    });
  }
}

function lostCall(label: string, moment: string): DomainError {
  return new DomainError('STORE_UNAVAILABLE', `injected ${moment} ${label}`, { retryable: true });
}
