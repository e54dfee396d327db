/** What the page asks of the worker that reads, hashes and writes, and what comes back. */
import type { CutBlock } from '../piece.ts';

/** Where received files are kept. */
export type StoreKind =
  /** The browser's own file system (OPFS): survives a reload. */
  | 'browser'
  /** A place that the person has chosen. */
  | 'place'
  /** A download of the browser, which writes it while it comes. */
  | 'download'
  /** Memory: for a little, where there is nothing else. */
  | 'memory';

/** A place that the person has chosen: a file for the one that is wanted, or a folder. */
export type Place = FileSystemFileHandle | FileSystemDirectoryHandle;

/** Where to. `port` is that of a download (`downloads/`). */
export type Into =
  | { readonly kind: 'browser' | 'memory' }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'download'; readonly port: MessagePort };

/** What became of a block. `lost`: what is stored can no longer go where it should. */
export type Verdict = 'stored' | 'unverified' | 'full' | 'lost';

/** The requests, each with what it is answered with. */
export interface DiskRequests {
  /** Reads and hashes files. Meanwhile `HashProgress` comes. */
  hash: [ask: { readonly files: readonly File[] }, answer: { readonly source: number; readonly roots: readonly Uint8Array[] }];
  /** Reads one block of hashed files, with its proof, cut to messages. */
  cut: [
    ask: { readonly source: number; readonly file: number; readonly index: number; readonly id: string; readonly block: number; readonly most: number },
    answer: CutBlock,
  ];
  /** Forgets hashed files. */
  forget: [ask: { readonly source: number }, answer: undefined];
  /** What of a transfer is stored already and was accepted: bitmaps; undefined if nothing is. */
  find: [ask: { readonly manifest: Uint8Array }, answer: { readonly files: string } | undefined];
  /** Makes room for the accepted files, or finds what is there of them; every block that is there is verified anew. `full` where there is none. */
  open: [
    ask: { readonly manifest: Uint8Array; readonly files: string; readonly into: Into },
    answer: { readonly have: string } | 'full',
  ];
  /** Verifies a block and stores it. */
  put: [
    ask: { readonly id: string; readonly block: number; readonly bytes: Uint8Array; readonly proof: readonly Uint8Array[] },
    answer: Verdict,
  ];
  /** A file that is complete and verified. */
  take: [ask: { readonly id: string; readonly file: number }, answer: Blob];
  /** All complete files as one archive. */
  archive: [ask: { readonly id: string }, answer: Blob];
  /** Closes what is open, and keeps it. */
  close: [ask: { readonly id: string }, answer: undefined];
  /** Deletes what is stored. */
  remove: [ask: { readonly id: string }, answer: undefined];
}

export type DiskRequest = keyof DiskRequests;

/** From the page. */
export interface Question<R extends DiskRequest = DiskRequest> {
  readonly number: number;
  readonly request: R;
  readonly ask: DiskRequests[R][0];
}

/** From the worker: an answer, a failure, or how far hashing has come. */
export type Answer =
  | { readonly number: number; readonly answer: DiskRequests[DiskRequest][1] }
  | { readonly number: number; readonly failure: string }
  | { readonly number: number; readonly hashed: number };
