/** What one client asked and was answered, and when, on one counter that orders all calls and returns. */
export interface Operation<Input, Output> {
  readonly client: number;
  readonly calledAt: number;
  readonly returnedAt: number;
  readonly input: Input;
  readonly output: Output;
}

/** Records calls that overlap. A call that throws is recorded with what `onError` makes of it. */
export class History<Input, Output> {
  readonly operations: Operation<Input, Output>[] = [];
  #tick = 0;

  async record(client: number, input: Input, call: () => Promise<Output>): Promise<Output> {
    this.#tick += 1;
    const calledAt = this.#tick;
    const output = await call();
    this.#tick += 1;
    this.operations.push({ client, calledAt, returnedAt: this.#tick, input, output });
    return output;
  }
}

/** `work` by so many clients at once; the next turn of each at any time. */
export async function race(clients: number, work: (client: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: clients }, (_, client) => work(client)));
}

/** The first was answered before the second was asked: in every order that explains the history it comes first. */
export function precedes(
  first: Pick<Operation<unknown, unknown>, 'returnedAt'>,
  second: Pick<Operation<unknown, unknown>, 'calledAt'>,
): boolean {
  return first.returnedAt < second.calledAt;
}
