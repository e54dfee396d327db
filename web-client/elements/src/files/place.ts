/** The place where the person wants files: the browser asks for it where it can (File System Access §3). */
import type { Place } from '@oriel/drop';

declare global {
  interface Window {
    showSaveFilePicker?(options: { suggestedName: string; startIn: string }): Promise<FileSystemFileHandle>;
    showDirectoryPicker?(options: { id: string; mode: string; startIn: string }): Promise<FileSystemDirectoryHandle>;
  }
}

/** Where the browser begins to look. */
const START = 'downloads';

/** Whether this browser lets people choose. */
export function canChoosePlace(): boolean {
  return window.showSaveFilePicker !== undefined && window.showDirectoryPicker !== undefined;
}

/** Has the person choose a place for files of these paths; undefined when they would rather not. Call it in the handler of a click. */
export async function choosePlace(paths: readonly string[]): Promise<Place | undefined> {
  const [path] = paths;
  const isOne = paths.length === 1 && path !== undefined && !path.includes('/');
  try {
    if (isOne) return await window.showSaveFilePicker?.({ suggestedName: path, startIn: START });
    return await window.showDirectoryPicker?.({ id: 'oriel', mode: 'readwrite', startIn: START });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    throw error;
  }
}
