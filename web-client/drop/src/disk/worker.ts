/** The worker: reads and hashes what is sent, verifies and writes what is received. */
import { Bitmap } from '../bitmap.ts';
import type { Bytes } from '../bytes.ts';
import { Manifest } from '../manifest.ts';
import { MEMORY_LIMIT } from '../limits.ts';
import { BrowserStore } from './browser-store.ts';
import { Keeper } from './keeper.ts';
import { MemoryStore } from './memory-store.ts';
import type { Answer, DiskRequest, DiskRequests, Into, Question } from './requests.ts';
import { Sources } from './sources.ts';
import { FullError, type Store } from './store.ts';

type Handlers = {
  [R in DiskRequest]: (ask: DiskRequests[R][0], number: number) => Promise<DiskRequests[R][1]> | DiskRequests[R][1];
};

const sources = new Sources();
const keepers = new Map<string, Keeper>();

const handlers: Handlers = {
  hash: ({ files }, number) => {
    let bytes = 0;
    return sources.hash(files, (more) => answer({ number, hashed: (bytes += more) }));
  },
  cut: ({ source, file, index, id, block, most }) => sources.cut(source, file, index, id, block, most),
  forget: ({ source }) => {
    sources.forget(source);
    return undefined;
  },
  find: async ({ manifest }) => {
    const { id } = await Manifest.parse(manifest as Bytes);
    const files = (await BrowserStore.isAvailable()) ? await BrowserStore.accepted(id) : undefined;
    return files === undefined ? undefined : { files };
  },
  open: async (ask) => {
    const manifest = await Manifest.parse(ask.manifest as Bytes);
    const files = Bitmap.parse(ask.files, manifest.files.length) ?? new Bitmap(manifest.files.length);
    const store = await storeFor(manifest, files, ask.into);
    if (!store) return 'full';
    const keeper = await Keeper.open(manifest, files, store);
    keepers.set(manifest.id, keeper);
    return { have: String(keeper.have) };
  },
  put: ({ id, block, bytes, proof }) => keeperOf(id).put(block, bytes as Bytes, proof),
  take: ({ id, file }) => keeperOf(id).take(file),
  archive: ({ id }) => keeperOf(id).archive(),
  close: async ({ id }) => {
    await keepers.get(id)?.close();
    keepers.delete(id);
    return undefined;
  },
  remove: async ({ id }) => {
    const keeper = keepers.get(id);
    keepers.delete(id);
    if (keeper) await keeper.remove();
    else if (await BrowserStore.isAvailable()) await BrowserStore.remove(id);
    return undefined;
  },
};

/** What is made from now on is not swept away. */
const swept = BrowserStore.sweep(Date.now()).catch(() => {});

self.onmessage = ({ data }: MessageEvent<Question>) => void handle(data);

async function handle({ number, request, ask }: Question): Promise<void> {
  try {
    answer({ number, answer: await (handlers[request] as (ask: unknown, number: number) => Promise<never>)(ask, number) });
  } catch (error) {
    answer({ number, failure: error instanceof Error ? error.message : String(error) });
  }
}

function answer(said: Answer): void {
  const cut = 'answer' in said && Object(said.answer) as { buffer?: unknown };
  const transfer = cut && cut.buffer instanceof ArrayBuffer ? [cut.buffer] : [];
  self.postMessage(said, { transfer });
}

function keeperOf(id: string): Keeper {
  const keeper = keepers.get(id);
  if (!keeper) throw new Error('This transfer is not open.');
  return keeper;
}

/** Undefined if there is no space, or nothing of the kind. */
async function storeFor(manifest: Manifest, files: Bitmap, into: Into): Promise<Store | undefined> {
  const bytes = manifest.files.reduce((sum, { size }, file) => sum + (files.has(file) ? size : 0), 0);
  switch (into.kind) {
    case 'browser':
      return storeInBrowser(manifest, files, bytes);
    // Few need the next two, so they are not loaded with the rest.
    case 'place':
      return (await import('./place-store.ts')).PlaceStore.open(manifest, files, into.place);
    case 'download':
      return new (await import('./download-store.ts')).DownloadStore(manifest, files, into.port);
    case 'memory':
      return bytes <= MEMORY_LIMIT ? new MemoryStore() : undefined;
  }
}

async function storeInBrowser(manifest: Manifest, files: Bitmap, bytes: number): Promise<Store | undefined> {
  await swept;
  if (!(await BrowserStore.isAvailable())) return undefined;
  try {
    return await BrowserStore.open(manifest.id, manifest.blocks, String(files), bytes);
  } catch (error) {
    if (error instanceof FullError) return undefined;
    throw error;
  }
}
