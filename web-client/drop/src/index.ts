/**
 * `@oriel/drop`: files from browser to browser, verified block by block, by way of an Oriel room.
 *
 * ```ts
 * const { code, secret } = makeInvitation();
 * const signaling = await Signaling.join({ room: roomOf(code), name: 'Ada' });
 * const drop = new Drop({ courier: courierBySignaling(signaling), secret, role: 'host' });
 * await drop.send([{ file, path: file.name }]);
 * ```
 */

export { fragmentOf, makeInvitation, readInvitation, roomOf, type Invitation } from './code.ts';
export { courierByRoom, courierBySignaling, type Courier, type CourierListener, type Person } from './courier.ts';
export { Disk, type DiskOptions } from './disk/disk.ts';
export type { Place, StoreKind } from './disk/requests.ts';
export { Drop, type ChosenFile, type DropEvents, type DropOptions, type Knock, type Offer, type Role, type SendOptions } from './drop.ts';
export type { Path } from './lane.ts';
export { Manifest, ManifestError, type FileEntry } from './manifest.ts';
export type { EndReason } from './messages.ts';
export type { Peer, PeerEvents } from './peer.ts';
export type { ReceivedFile, Receiving } from './receiving.ts';
export type { Sending } from './sending.ts';
export type { Transfer, TransferEvents, TransferState } from './transfer.ts';
