import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { start, until, type Running } from './process.ts';
import type { Signature } from './signature.ts';

/** Python with what `e2e/aiortc/requirements.txt` names. */
export const PYTHON = process.env.ORIEL_PYTHON ?? new URL('../../../.venv/bin/python', import.meta.url).pathname;
const SCRIPTS = new URL('../aiortc/', import.meta.url).pathname;

/** Publishes a signature by WHIP until stopped. */
export async function publishByAiortc(url: string, token: string, { colour, tone }: Signature): Promise<Running> {
  const script = start(PYTHON, ['-B', `${SCRIPTS}publish.py`, '--url', url, '--token', token, '--colour', colour.join(), '--tone', String(tone)]);
  await until(script, 'aiortc publishes', () => (script.output().includes('publishing') ? true : undefined), 30_000);
  return script;
}

/** Views one audio and one video m-line by WHEP and gives what was decoded. */
export async function viewByAiortc(url: string, token: string): Promise<{ colours: number[][]; tones: number[] }> {
  const { stdout } = await promisify(execFile)(PYTHON, ['-B', `${SCRIPTS}view.py`, '--url', url, '--token', token], { timeout: 60_000 });
  return JSON.parse(stdout) as { colours: number[][]; tones: number[] };
}
