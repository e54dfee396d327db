/** What a transfer consists of, and its blocks: numbered through all files, in the manifest's order. */
import { fromBase64, sha256, toBase64, toHex, type Bytes } from './bytes.ts';
import { BLOCK, MAX_BLOCKS, MAX_FILES, MAX_MANIFEST, VERSION } from './limits.ts';
import { HASH } from './merkle.ts';
import { complaintAbout, sameness } from './names.ts';

/** One file. */
export interface FileEntry {
  /** Relative, `/` between names. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** When it was changed last, milliseconds since 1970 (UTC). */
  readonly modified: number;
  /** Of the tree over its blocks. */
  readonly root: Bytes;
}

/** Where a block lies. */
export interface Place {
  /** Number of the file. */
  readonly file: number;
  /** Number of the block in its file. */
  readonly index: number;
  /** Bytes into the file. */
  readonly offset: number;
  /** Bytes of the block. */
  readonly length: number;
}

/** Why a manifest is refused, in words for the one who sent it. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/** The last moment that a date can be (ECMA-262 §21.4.1.1). */
const LAST_MOMENT = 8.64e15;

export class Manifest {
  /** What names this transfer: SHA-256 of the bytes, hexadecimal. */
  readonly id: string;
  /** As it travels. */
  readonly bytes: Bytes;
  readonly files: readonly FileEntry[];
  /** Bytes of all files. */
  readonly size: number;
  /** Blocks of all files. */
  readonly blocks: number;
  /** The number of each file's first block. */
  readonly #firsts: readonly number[];

  private constructor(id: string, bytes: Bytes, files: readonly FileEntry[]) {
    this.id = id;
    this.bytes = bytes;
    this.files = files;
    this.size = files.reduce((sum, { size }) => sum + size, 0);
    const firsts: number[] = [];
    this.blocks = files.reduce((sum, { size }) => (firsts.push(sum), sum + blocksIn(size)), 0);
    this.#firsts = firsts;
  }

  /** Of our own files. Throws a `ManifestError` when they are too many. */
  static of(files: readonly FileEntry[]): Promise<Manifest> {
    const entries = files.map(({ root, ...entry }) => ({ ...entry, root: toBase64(root) }));
    return Manifest.parse(new TextEncoder().encode(JSON.stringify({ v: VERSION, files: entries })));
  }

  /** Of what somebody sent. Rejects with a `ManifestError`. */
  static async parse(bytes: Bytes): Promise<Manifest> {
    if (bytes.length > MAX_MANIFEST) throw new ManifestError('The list of files is too long.');
    const files = readFiles(bytes);
    const manifest = new Manifest(toHex(await sha256(bytes)), bytes, files);
    if (manifest.blocks > MAX_BLOCKS) throw new ManifestError('The files are larger than one transfer can be, 1 TiB.');
    return manifest;
  }

  /** Where block `number` lies; undefined if there is none. */
  place(number: number): Place | undefined {
    if (!Number.isInteger(number) || number < 0 || number >= this.blocks) return undefined;
    // The last file that begins at or before it. Empty files begin where the next one does.
    let low = 0;
    for (let high = this.files.length - 1; low < high; ) {
      const middle = (low + high + 1) >> 1;
      if (this.#firsts[middle]! <= number) low = middle;
      else high = middle - 1;
    }
    const index = number - this.#firsts[low]!;
    const offset = index * BLOCK;
    return { file: low, index, offset, length: Math.min(BLOCK, this.files[low]!.size - offset) };
  }

  /** The number of a file's first block, and of the one behind its last. */
  range(file: number): { readonly first: number; readonly end: number } {
    const first = this.#firsts[file] ?? 0;
    return { first, end: first + blocksIn(this.files[file]?.size ?? 0) };
  }
}

/** Blocks of a file of that many bytes. */
export function blocksIn(size: number): number {
  return Math.ceil(size / BLOCK);
}

function readFiles(bytes: Bytes): FileEntry[] {
  let read: unknown;
  try {
    read = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ManifestError('The list of files cannot be read.', { cause });
  }
  const { v, files } = Object(read) as { v?: unknown; files?: unknown };
  if (v !== VERSION) throw new ManifestError('The other side speaks another version of this protocol: reload both pages.');
  if (!Array.isArray(files) || files.length === 0) throw new ManifestError('The list of files is empty.');
  if (files.length > MAX_FILES) throw new ManifestError(`One transfer takes ${MAX_FILES} files at most.`);
  const entries = files.map(readFile);
  refuseClashes(entries);
  return entries;
}

function readFile(file: unknown): FileEntry {
  const { path, size, modified, root } = Object(file) as Record<string, unknown>;
  const hash = typeof root === 'string' ? fromBase64(root) : undefined;
  if (typeof path !== 'string' || !isCount(size) || !isMoment(modified) || hash?.length !== HASH) {
    throw new ManifestError('The list of files is not written as it must be.');
  }
  const complaint = complaintAbout(path);
  if (complaint !== undefined) throw new ManifestError(`The list of files was refused: ${complaint}.`);
  return { path, size, modified, root: hash };
}

/** Two files of one name, or a file where another one has its folder. */
function refuseClashes(files: readonly FileEntry[]): void {
  const paths = new Set(files.map(({ path }) => sameness(path)));
  if (paths.size < files.length) throw new ManifestError('The list of files was refused: two have one name.');
  for (const path of paths) {
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      if (paths.has(path.slice(0, slash))) throw new ManifestError('The list of files was refused: a file has the name of a folder.');
    }
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isMoment(value: unknown): value is number {
  return Number.isSafeInteger(value) && Math.abs(value as number) <= LAST_MOMENT;
}
