/** Synchronous access to a file, which the page's own types leave out: workers alone have it (File System, §2.7). */
declare global {
  interface FileSystemSyncAccessHandle {
    read(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number;
    write(bytes: Uint8Array<ArrayBuffer>, options: { at: number }): number;
    truncate(size: number): void;
    getSize(): number;
    close(): void;
  }

  interface FileSystemFileHandle {
    createSyncAccessHandle(): Promise<FileSystemSyncAccessHandle>;
  }
}

export {};
