import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

/** A program that a test has started, with what it has printed so far. */
export interface Running {
  readonly child: ChildProcess;
  /** Standard output and standard error, interleaved. */
  output(): string;
  /** Asks it to end, waits, and insists after five seconds. */
  stop(): Promise<void>;
}

/** Starts a program without a shell and collects what it prints. It is given nothing to read, unless by a `pipe`. */
export function start(program: string, args: readonly string[], options: SpawnOptions = {}, input: 'ignore' | 'pipe' = 'ignore'): Running {
  const child = spawn(program, args, { ...options, stdio: [input, 'pipe', 'pipe'] });
  let printed = '';
  const collect = (chunk: Buffer) => (printed += chunk.toString());
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  child.on('error', (error) => (printed += `${program} did not start: ${error.message}\n`));
  const ended = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  return {
    child,
    output: () => printed,
    stop: async () => {
      if (ended()) return;
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const insist = setTimeout(() => child.kill('SIGKILL'), 5000);
      await exit;
      clearTimeout(insist);
    },
  };
}

/** Waits until `check` gives something; fails with the program's output when it ends or time runs out. */
export async function until<Value>(running: Running, what: string, check: () => Value | undefined, timeout = 15_000): Promise<Value> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = check();
    if (value !== undefined) return value;
    const over = running.child.exitCode !== null || running.child.signalCode !== null || running.child.pid === undefined;
    if (over || Date.now() > deadline) {
      await running.stop();
      throw new Error(`${what}: ${over ? 'the program ended' : 'nothing'} after waiting.\n${running.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
