/** Where one transfer's files are kept while they come, and until they are saved. */
import type { Bytes } from '../bytes.ts';
import type { StoreKind } from './requests.ts';

/** Thrown when there is no space. */
export class FullError extends Error {
  override readonly name = 'FullError';
}

/** Thrown when what is stored can no longer go where it should: the place is gone, or a person has stopped it. */
export class LostError extends Error {
  override readonly name = 'LostError';
}

/** Bytes of one transfer, by file. What is in it was verified before. */
export interface Store {
  readonly kind: StoreKind;
  /** The leaf of each block that is there, by its number: what a crash has left may be torn, so they are checked. */
  leaves(): Promise<ReadonlyMap<number, Bytes>>;
  /** Reads what is there of a block. */
  read(file: number, offset: number, length: number): Promise<Bytes>;
  /** Writes a block, then its leaf. Rejects with a `FullError` where there is no space. */
  write(block: number, file: number, offset: number, bytes: Bytes, leaf: Bytes): Promise<void>;
  /** All blocks of a file are there. */
  complete(file: number): Promise<void>;
  /** A file as a whole. */
  file(file: number, size: number): Promise<Blob>;
  /** Closes what is open. */
  close(): Promise<void>;
  /** Deletes everything. */
  remove(): Promise<void>;
}
