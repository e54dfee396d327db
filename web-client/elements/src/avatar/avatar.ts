/** Who has no picture is shown by initials on a colour that stays the same for the same identity. */

/** One or two letters for a display name: first and last word. `?` for a name without letters. */
export function initials(name: string): string {
  const words = name
    .split(/[\s_.-]+/u)
    .map((word) => /[\p{L}\p{N}]\p{M}*/u.exec(word)?.[0] ?? '')
    .filter((letter) => letter !== '');
  const first = words.at(0);
  if (first === undefined) return '?';
  const last = words.length > 1 ? (words.at(-1) ?? '') : '';
  return (first + last).toLocaleUpperCase();
}

/** A hue in degrees (0 to 359) for an identity: FNV-1a, mixed once more so that neighbours differ. */
export function hue(identity: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < identity.length; index += 1) {
    hash = Math.imul(hash ^ identity.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return ((hash ^ (hash >>> 13)) >>> 0) % 360;
}
