/** Bytes as text: base 64 (RFC 4648 §4), for what carries text alone. */

/** Letters that are made at once: a call takes only so many arguments. */
const CHUNK = 8_192;

export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

/** Throws for what is no base 64. Padding may be absent. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
