/** Files that somebody chose, dropped or pasted, with the folders that they are in. */
import type { ChosenFile } from '@oriel/drop';

/** Those of a file field; one for folders gives paths. */
export function filesOf(list: FileList): ChosenFile[] {
  return [...list].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** Those that were dropped, folders included. Call it in the handler of the event: later the browser gives nothing. */
export async function filesDropped(data: DataTransfer): Promise<ChosenFile[]> {
  const entries = [...data.items].map((item) => (item.kind === 'file' ? item.webkitGetAsEntry() : null));
  const plain = filesOf(data.files);
  if (!entries.some((entry) => entry?.isDirectory)) return plain;
  const found: ChosenFile[] = [];
  for (const entry of entries) if (entry) await walk(entry, found);
  return found;
}

async function walk(entry: FileSystemEntry, found: ChosenFile[]): Promise<void> {
  const path = entry.fullPath.replace(/^\//u, '');
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A hundred at a time, until there are none.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const one of some) await walk(one, found);
  }
}
