/** Paths in a manifest: which are refused, and under which names files are stored. */
import { MAX_DEPTH, MAX_NAME, MAX_PATH } from './limits.ts';

// Control characters, and those that turn the direction of text, so that "exe.txt" reads as "txt.exe".
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;

/** What some file system does not take in a name. */
const RESERVED = /[<>:"|?*\\/]/gu;

/** Names that Windows keeps for devices, whatever the ending. */
const DEVICE = /^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/iu;

const utf8 = new TextEncoder();

/** The path as a manifest may have it, from what the system calls a file: relative, `/` between names. */
export function pathToOffer(path: string): string {
  const names = path
    .split('/')
    .map((name) => name.normalize('NFC').replace(HIDDEN, '').replaceAll('\\', '_'))
    .filter((name) => name !== '' && name !== '.' && name !== '..');
  return names.join('/') || 'file';
}

/** Why a path of somebody else's is refused; undefined if it is not. */
export function complaintAbout(path: string): string | undefined {
  if (utf8.encode(path).length > MAX_PATH) return 'a path is too long';
  if (path.search(HIDDEN) >= 0) return 'a path has control characters';
  if (path.includes('\\')) return 'a path has a backslash';
  const names = path.split('/');
  if (names.length > MAX_DEPTH) return 'a path has too many folders';
  for (const name of names) {
    if (name === '' || name === '.' || name === '..') return 'a path leads out of its folder';
    if (utf8.encode(name).length > MAX_NAME) return 'a name is too long';
  }
  return undefined;
}

/** What two paths have in common that are one on some file system. */
export function sameness(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

/** For each path the one it is stored under: with names that every file system takes, no two alike. */
export function storedPaths(paths: readonly string[]): string[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const safe = path.split('/').map(safeName).join('/');
    let stored = safe;
    for (let number = 2; taken.has(sameness(stored)); number += 1) stored = numbered(safe, number);
    taken.add(sameness(stored));
    return stored;
  });
}

/** A name that every file system takes. */
function safeName(name: string): string {
  const plain = name.replace(HIDDEN, '').replace(RESERVED, '_').replace(/[. ]+$/u, '_');
  return DEVICE.test(plain) ? `_${plain}` : plain || '_';
}

/** "a/b.txt" as "a/b (2).txt". */
export function numbered(path: string, number: number): string {
  const dot = path.lastIndexOf('.');
  const hasEnding = dot > path.lastIndexOf('/') + 1;
  return hasEnding ? `${path.slice(0, dot)} (${number})${path.slice(dot)}` : `${path} (${number})`;
}
