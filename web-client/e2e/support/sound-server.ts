import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { start, until } from './process.ts';

/** A PulseAudio server whose one loudspeaker makes no sound. */
export interface SoundServer {
  /** For the environment variable `PULSE_SERVER`. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts one. Firefox processes no audio at all on a machine without a loudspeaker; Chromium does. */
export async function startSoundServer(): Promise<SoundServer> {
  const folder = mkdtempSync(join(tmpdir(), 'oriel-sound-'));
  const socket = join(folder, 'socket');
  const server = start(
    'pulseaudio',
    [
      '-n',
      '--daemonize=no',
      '--use-pid-file=no',
      '--exit-idle-time=-1',
      '-L',
      'module-null-sink',
      '-L',
      `module-native-protocol-unix socket=${socket} auth-anonymous=1`,
    ],
    { env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder } },
  );
  await until(server, 'PulseAudio opens its socket', () => existsSync(socket) || undefined);
  return {
    address: `unix:${socket}`,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
