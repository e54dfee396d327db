import { PYTHON } from './aiortc.ts';
import { start, until, type Running } from './process.ts';

const SCRIPT = new URL('../aioquic/client.py', import.meta.url).pathname;

/** What `POST /v1/join` says to a guest. */
interface Invitation {
  readonly token: string;
  readonly webtransport: { readonly url: string; readonly certificate_hashes: readonly string[] };
}

/** One line that the script has printed: see there. */
export interface Line {
  readonly frame?: string;
  readonly reliable?: string;
  readonly lossy?: string;
  /** A stream's envelope, in hexadecimal, and what came behind it. */
  readonly bulk?: string;
  readonly body?: string;
  readonly draining?: boolean;
  /** The first request that is not served any more. */
  readonly goaway?: number;
  readonly closed?: number;
  readonly reason?: string;
}

/** A participant by WebTransport on aioquic. */
export class AioquicParticipant {
  private constructor(
    readonly script: Running,
    /** `PA_…`. */
    readonly id: string,
  ) {}

  /** Joins a room as a guest. */
  static async join(url: string, room: string, name: string): Promise<AioquicParticipant> {
    const response = await fetch(`${url}/v1/join`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ room, name }),
    });
    const { token, webtransport } = (await response.json()) as Invitation;
    const hashes = webtransport.certificate_hashes.flatMap((hash) => ['--hash', hash]);
    const script = start(PYTHON, ['-B', SCRIPT, '--url', webtransport.url, ...hashes], {}, 'pipe');
    await until(script, 'aioquic has a session', () => (script.output().includes('"open"') ? true : undefined), 30_000);
    order(script, { frame: JSON.stringify({ id: 1, type: 'join', token }) });
    const id = await until(script, 'aioquic has joined', () => /"participant\\":\{\\"id\\":\\"(PA_\w+)/.exec(script.output())?.[1]);
    return new AioquicParticipant(script, id);
  }

  /** Has it send something. */
  send(what: { frame: string } | { reliable: string } | { lossy: string } | { bulk: string; body: string }): void {
    order(this.script, what);
  }

  /** What came so far. */
  lines(): readonly Line[] {
    const whole = this.script.output().split('\n').slice(0, -1);
    return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
  }

  stop(): Promise<void> {
    return this.script.stop();
  }
}

function order(script: Running, what: object): void {
  script.child.stdin?.write(`${JSON.stringify(what)}\n`);
}
