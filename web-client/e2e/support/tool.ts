import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const BINARY = process.env.LOAD_BINARY ?? new URL('../../../target/debug/load', import.meta.url).pathname;

/** A program that answers each line of JSON with another; see `load relay --help`. */
export interface Tool<Ready, Order, Answer> {
  /** Its first line. */
  readonly ready: Ready;
  /** Has something done; fails with the program's words when it cannot be. */
  order(order: Order): Promise<Answer>;
  /** Ends it, and everything that it made. */
  stop(): Promise<void>;
}

/** Starts `load` as a tool and waits until it is ready. It ends with this process, whatever happens to it. */
export async function startTool<Ready, Order, Answer>(args: readonly string[]): Promise<Tool<Ready, Order, Answer>> {
  const child = spawn(BINARY, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  child.on('error', (error) => (complaints += error.message));
  // Writing to a program that has ended is noticed by the answer that does not come.
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done === true) throw new Error(`load ${args[0]} ended: ${complaints}`);
    const answer = JSON.parse(line.value) as { error?: string };
    if (typeof answer.error === 'string') throw new Error(`load ${args[0]}: ${answer.error}`);
    return answer;
  };
  const ready = (await next()) as Ready;
  // One order after the other: the answers have no names.
  let last: Promise<unknown> = Promise.resolve();
  return {
    ready,
    order: (order) => {
      const answered = last.then(() => {
        child.stdin.write(`${JSON.stringify(order)}\n`);
        return next();
      });
      last = answered.catch(() => undefined);
      return answered as Promise<Answer>;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, 'exit');
      child.stdin.end();
      await exit;
    },
  };
}
