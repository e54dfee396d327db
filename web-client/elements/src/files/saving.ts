/** Giving files to the person: as downloads of the browser. */

/** Milliseconds that the browser gets to begin reading. */
const GRACE = 60_000;

/** Saves `content` under that name, where the browser puts downloads. */
export function saveAs(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), GRACE);
}
