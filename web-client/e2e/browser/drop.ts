/** Put into pages of the file drop before they load: looks at their connections and at what they keep. */

interface DropTest {
  /** Bytes that came by channels for blocks. */
  blockBytes(): Promise<number>;
  /** Changes one byte of one block that is sent. */
  spoilOneBlock(): void;
  /** Has the pickers of the browser, which ask nobody here, give a file or folder of its own file system. */
  choosePlaces(): void;
  /** The files at the chosen place, each with its size and SHA-256. */
  placed(): Promise<Record<string, string>>;
  /** Files in the browser's file system, by folder. */
  kept(): Promise<Record<string, number>>;
  /** SHA-256, in hexadecimal, of the first file of the one transfer that is kept. */
  digest(): Promise<string>;
}

declare global {
  interface Window {
    orielDropTest: DropTest;
  }
}

const connections: RTCPeerConnection[] = [];

window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration?: RTCConfiguration) {
    super(configuration);
    connections.push(this);
  }
};

window.orielDropTest = {
  blockBytes: async () => {
    let bytes = 0;
    for (const connection of connections) {
      (await connection.getStats()).forEach((entry: { type: string; label?: string; bytesReceived?: number }) => {
        if (entry.type === 'data-channel' && entry.label === 'blocks') bytes += entry.bytesReceived ?? 0;
      });
    }
    return bytes;
  },

  spoilOneBlock: () => {
    const { prototype } = RTCDataChannel;
    const original = Object.getOwnPropertyDescriptor(prototype, 'send')!;
    const send = original.value as (message: unknown) => void;
    const spoil = function (this: RTCDataChannel, message: unknown): void {
      if (message instanceof Uint8Array && message.length > 1000) {
        message[message.length - 1]! ^= 1;
        Object.defineProperty(prototype, 'send', original);
      }
      send.call(this, message);
    };
    Object.defineProperty(prototype, 'send', { ...original, value: spoil });
  },

  choosePlaces: () => {
    Object.assign(window, {
      showSaveFilePicker: async ({ suggestedName }: { suggestedName: string }) => (await folderOfPlaces()).getFileHandle(suggestedName, { create: true }),
      showDirectoryPicker: () => folderOfPlaces(),
    });
  },

  placed: async () => {
    const found: Record<string, string> = {};
    const walk = async (folder: FileSystemDirectoryHandle, before: string): Promise<void> => {
      for await (const [name, handle] of folder.entries()) {
        const path = `${before}${name}`;
        if (handle.kind === 'directory') await walk(handle, `${path}/`);
        else {
          const described = await describe(handle);
          if (described !== undefined) found[path] = described;
        }
      }
    };
    await walk(await folderOfPlaces(), '');
    return found;
  },

  digest: async () => {
    for await (const handle of (await folderOfDrops()).values()) {
      const file = await (await (handle as FileSystemDirectoryHandle).getFileHandle('0')).getFile();
      return digestOf(file);
    }
    return '';
  },

  kept: async () => {
    const found: Record<string, number> = {};
    const folder = await folderOfDrops();
    for await (const [name, handle] of folder.entries()) {
      const names: string[] = [];
      for await (const inside of (handle as FileSystemDirectoryHandle).keys()) names.push(inside);
      found[name] = names.length;
    }
    return found;
  },
};

async function digestOf(file: File): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Size and SHA-256 of a file; nothing if it was removed since it was listed, as a stopped transfer's is. */
async function describe(handle: FileSystemFileHandle): Promise<string | undefined> {
  try {
    const file = await handle.getFile();
    return `${file.size} ${await digestOf(file)}`;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return undefined;
    throw error;
  }
}

async function folderOfPlaces(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle('chosen', { create: true });
}

async function folderOfDrops(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle('oriel-drop', { create: true });
}

export {};
