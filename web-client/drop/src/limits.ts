/** The numbers of the protocol; `docs/transfer.md` gives their reasons. */

/** Of this protocol. */
export const VERSION = 1;
/** Bytes of a block: what is hashed, asked for and verified at a time. */
export const BLOCK = 1 << 20;
/** Bytes of a block that travel in one message: what every browser takes, and a small part of what may be under way. */
export const PIECE = 16 * 1024;
/** Files in one transfer. */
export const MAX_FILES = 10_000;
/** Blocks in one transfer: 1 TiB. */
export const MAX_BLOCKS = 1 << 20;
/** Bytes of a manifest. */
export const MAX_MANIFEST = 4 << 20;
/** Bytes of UTF-8 in a path. */
export const MAX_PATH = 1024;
/** Bytes of UTF-8 in one name of a path: what file systems take. */
export const MAX_NAME = 255;
/** Folders around a file, and its name. */
export const MAX_DEPTH = 32;
/** Characters of a text. */
export const MAX_TEXT = 32_768;
/** Characters of a message on the control channel: what every browser takes, with a have-bitmap in it. */
export const MAX_MESSAGE = 192 * 1024;
/** Characters of a manifest that go in one message. */
export const MANIFEST_PART = 16_384;
/** Peer connections between two. */
export const MAX_LANES = 4;
/** Blocks that may be asked for and not be there yet; what a reload loses at most. */
export const MAX_WANTED = 64;
/** Bytes of them. */
export const MAX_WANTED_BYTES = 16 * BLOCK;
/** Bytes of a transfer that is kept in memory, where there is no other place. */
export const MEMORY_LIMIT = 64 * BLOCK;
