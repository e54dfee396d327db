/** The processes behind Chromium's pages: what they take of memory, and their sudden end. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Page } from '@playwright/test';

/** Process ids of all renderers of the browser that keeps its profile in that folder. */
function renderersOf(profile: string): number[] {
  const processes = new Map<number, { readonly parent: number; readonly command: string }>();
  for (const name of readdirSync('/proc')) {
    const id = Number(name);
    if (!Number.isInteger(id)) continue;
    try {
      const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/status`, 'utf8'))?.[1]);
      processes.set(id, { parent, command: readFileSync(`/proc/${id}/cmdline`, 'utf8').replaceAll('\0', ' ') });
    } catch {
      // It has ended since.
    }
  }
  const isOfBrowser = (id: number): boolean => {
    for (let at = processes.get(id); at; at = processes.get(at.parent)) if (at.command.includes(`--user-data-dir=${profile}`)) return true;
    return false;
  };
  return [...processes].filter(([id, { command }]) => command.includes('--type=renderer') && isOfBrowser(id)).map(([id]) => id);
}

/** Proportional memory of the largest renderer of that browser, in bytes (`Pss` of `smaps_rollup`). */
export function rendererMemory(profile: string): number {
  const sizes = renderersOf(profile).map((id) => {
    try {
      return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0;
    }
  });
  return 1024 * Math.max(0, ...sizes);
}

/** Ends the renderers of that browser as a fault would; `page` is its only one. */
export async function killRenderers(profile: string, page: Page): Promise<void> {
  const crash = page.waitForEvent('crash');
  for (const id of renderersOf(profile)) process.kill(id, 'SIGKILL');
  await crash;
}
