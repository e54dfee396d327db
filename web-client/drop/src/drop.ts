/**
 * File drop: files from page to page. One page is the host: it has made the code and the link, and lets others in;
 * whoever came by them is a guest, and says hello to whoever is there. In a call there is neither: whoever has files
 * for somebody says hello to them. All of them may send.
 */
import { TypedEmitter } from '@oriel/client';
import { fromBase64, toBase64, type Bytes } from './bytes.ts';
import type { Courier, Person } from './courier.ts';
import { Disk } from './disk/disk.ts';
import { MAX_TEXT } from './limits.ts';
import { Manifest } from './manifest.ts';
import { pathToOffer, storedPaths } from './names.ts';
import { namePage, Seal, type Note } from './notes.ts';
import { Peer } from './peer.ts';
import type { Receiving } from './receiving.ts';
import type { Sending } from './sending.ts';

/** Pages that may wait to be let in, and that may be connected. */
const MAX_KNOCKS = 16;
const MAX_PEERS = 16;

/** A file that somebody chose, with the folders that it was chosen with. */
export interface ChosenFile {
  readonly file: File;
  /** Relative, `/` between names. */
  readonly path: string;
}

/** What this page is to those that it may connect with. */
export type Role = 'host' | 'guest' | 'call';

/** Somebody who came without the secret, or has files for us, and wants to be let in. */
export interface Knock {
  readonly person: Person;
  /** Which page it is. */
  readonly page: string;
  /** How many files there are for us, and their bytes, where that was said. */
  readonly files: number | undefined;
  readonly bytes: number | undefined;
  admit(): void;
  refuse(): void;
}

/** Files that are offered, to everybody who comes or to some. */
export interface Offer {
  readonly manifest: Manifest;
  /** Participants; undefined for everybody. */
  readonly to: readonly string[] | undefined;
  /** Nobody else gets them once somebody has all of them. */
  readonly isOnce: boolean;
  readonly isUsed: boolean;
}

export interface DropEvents {
  /** Anything has changed that this object, a peer or a transfer says. */
  changed: [];
  /** A page is connected. */
  peerConnected: [peer: Peer];
  /** Somebody has come without the link's secret. */
  knocked: [knock: Knock];
  /** Files are offered to us. */
  offered: [transfer: Receiving, peer: Peer];
  /** A text came. */
  text: [text: string, peer: Peer];
  /** The host has passed the secret of its link on to us. */
  secret: [secret: Bytes];
  /** The host takes nobody any more: its link has been used, or we were refused. */
  closed: [why: 'used' | 'refused'];
  /** Somebody offered what cannot be taken. */
  refused: [why: string, peer: Peer];
}

export interface DropOptions {
  readonly courier: Courier;
  /** Of the link. */
  readonly secret?: Bytes;
  readonly role: Role;
  /** Bytes go by TURN only, so that nobody sees the other one's address. */
  readonly isRelayOnly?: boolean;
  readonly disk?: Disk;
}

export interface SendOptions {
  /** For these participants only. */
  readonly to?: readonly string[];
  /** Nobody else gets the files once somebody has all of them. */
  readonly isOnce?: boolean;
  /** Hears how many bytes have been read and hashed. */
  readonly hashed?: (bytes: number) => void;
}

interface MutableOffer extends Offer {
  isUsed: boolean;
  readonly source: number;
}

export class Drop extends TypedEmitter<DropEvents> {
  readonly #courier: Courier;
  readonly #disk: Disk;
  readonly #role: Role;
  /** Whether connections that are made from now on go by TURN only. */
  isRelayOnly: boolean;
  /** What this page is called by others. */
  readonly page = namePage();
  readonly #peers = new Map<string, Peer>();
  readonly #offers: MutableOffer[] = [];
  readonly #knocks = new Map<string, Knock>();
  readonly #receivings = new Map<string, Receiving>();
  #sendings: { readonly sending: Sending; readonly peer: Peer }[] = [];
  #secret: Bytes | undefined;
  #seal: Seal;
  /** Notes are written and read one after another: their order matters. */
  #writing: Promise<void> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();
  /** Participants that we have files for, in a call. */
  readonly #invited = new Set<string>();
  /** Pages that a person has let in: they come back without a question. */
  readonly #admitted = new Set<string>();
  /** Pages that did not keep to the protocol. */
  readonly #broken = new Set<string>();
  #isOver = false;
  readonly #stopListening: () => void;

  constructor({ courier, secret, role, isRelayOnly = false, disk = new Disk() }: DropOptions) {
    super();
    this.#courier = courier;
    this.#disk = disk;
    this.#role = role;
    this.isRelayOnly = isRelayOnly;
    this.#secret = secret;
    this.#seal = new Seal(secret);
    this.#stopListening = courier.listen({
      came: (person) => this.#greet(person),
      left: (id) => this.#forget(id),
      received: (data, from) => {
        this.#reading = this.#reading.then(() => this.#received(data, from)).catch(() => {});
      },
    });
    for (const person of courier.others()) this.#greet(person);
  }

  /** The pages that we are connected with, or were. */
  get peers(): readonly Peer[] {
    return [...this.#peers.values()];
  }

  get offers(): readonly Offer[] {
    return this.#offers;
  }

  /** Who waits to be let in. */
  get knocks(): readonly Knock[] {
    return [...this.#knocks.values()];
  }

  /** What we receive and have received, oldest first. */
  get receivings(): readonly Receiving[] {
    return [...this.#receivings.values()];
  }

  /** What we send and have sent, and to whom, oldest first. */
  get sendings(): readonly { readonly sending: Sending; readonly peer: Peer }[] {
    return this.#sendings;
  }

  /**
   * Offers files to everybody who is there and who comes, or to some. Reads and hashes them first. Rejects with a `ManifestError` when they are too many, and with what the browser says when one cannot be read.
   */
  async send(files: readonly ChosenFile[], { to, isOnce = false, hashed }: SendOptions = {}): Promise<Offer> {
    const { source, roots } = await this.#disk.ask('hash', { files: files.map(({ file }) => file) }, hashed ? { hashed } : {});
    const paths = storedPaths(files.map(({ path }) => pathToOffer(path)));
    const entries = files.map(({ file }, at) => ({ path: paths[at]!, size: file.size, modified: file.lastModified, root: roots[at] as Bytes }));
    const offer: MutableOffer = { manifest: await Manifest.of(entries), source, to, isOnce, isUsed: false };
    this.#offers.push(offer);
    for (const peer of this.peers) this.#offerTo(peer, offer);
    if (this.#role === 'call') this.#invite(to ?? this.#courier.others().map(({ id }) => id), offer.manifest);
    this.emit('changed');
    return offer;
  }

  /** Sends a text to everybody who is there. True if there is somebody. */
  sendText(text: string): boolean {
    const open = this.peers.filter(({ isOpen }) => isOpen);
    for (const peer of open) peer.say({ type: 'text', text: text.slice(0, MAX_TEXT) });
    return open.length > 0;
  }

  /** Ends everything. */
  close(): void {
    this.#isOver = true;
    this.#stopListening();
    for (const peer of this.peers) peer.close();
    this.#disk.close();
  }

  /** Says hello to somebody in the room: to the host, as a guest. */
  #greet({ id }: Person): void {
    const isExpected = this.#role === 'guest' || (this.#role === 'call' && this.#invited.has(id));
    if (isExpected) this.#tell(id, { kind: 'hello', from: this.page });
  }

  /** Says to those who are not connected that there are files for them. */
  #invite(people: readonly string[], { files, size }: Manifest): void {
    for (const id of people) {
      if (this.peers.some(({ person, isOpen }) => isOpen && person.id === id)) continue;
      this.#invited.add(id);
      this.#tell(id, { kind: 'hello', from: this.page, files: files.length, bytes: size });
    }
  }

  #forget(id: string): void {
    for (const [page, { person }] of this.#knocks) {
      if (person.id !== id) continue;
      this.#knocks.delete(page);
      this.emit('changed');
    }
    // One that is connected is heard of by its connection.
    for (const peer of this.peers) if (peer.person.id === id && !peer.isOpen) peer.close();
  }

  #tell(to: string, note: Note): void {
    const written = this.#seal.write(note);
    this.#writing = this.#writing.then(async () => this.#courier.signal(to, await written)).catch(() => {});
  }

  async #received(data: string, from: Person): Promise<void> {
    const opened = await this.#seal.open(data);
    if (!opened || this.#isOver) return;
    const { note, isSealed } = opened;
    if (note.kind === 'hello') {
      if (this.#role !== 'guest') this.#welcome(note, from, isSealed);
      return;
    }
    if (note.to !== this.page) return;
    const peer = this.#peers.get(note.from);
    if (this.#secret && !isSealed && peer?.isTrusted !== false) return;
    switch (note.kind) {
      case 'welcome':
        // Where both say hello at once, the first welcome counts.
        if (this.#role === 'host' || peer || (this.#role === 'call' && !this.#invited.has(from.id))) return;
        await this.#connect(note.from, from, isSealed, false);
        return;
      case 'refused':
        this.emit('closed', 'refused');
        return;
      case 'description':
        peer?.receive(note.lane, { description: note.description });
        return;
      case 'candidate':
        peer?.receive(note.lane, { candidate: note.candidate });
    }
  }

  /** Somebody says hello. */
  #welcome({ from: page, files, bytes }: Note & { kind: 'hello' }, person: Person, isTrusted: boolean): void {
    if (this.#knocks.has(page)) return;
    if (this.#broken.has(page)) {
      this.#tell(person.id, { kind: 'refused', from: this.page, to: page });
      return;
    }
    const admit = (): void => {
      this.#knocks.delete(page);
      this.#admitted.add(`${page} ${person.id}`);
      this.#tell(person.id, { kind: 'welcome', from: this.page, to: page });
      void this.#connect(page, person, isTrusted, true);
    };
    if (isTrusted || this.#admitted.has(`${page} ${person.id}`)) {
      admit();
      return;
    }
    if (this.#knocks.size >= MAX_KNOCKS) return;
    const knock = {
      person,
      page,
      files,
      bytes,
      admit,
      refuse: () => {
        this.#knocks.delete(page);
        this.#tell(person.id, { kind: 'refused', from: this.page, to: page });
        this.emit('changed');
      },
    };
    this.#knocks.set(page, knock);
    this.emit('knocked', knock);
    this.emit('changed');
  }

  async #connect(page: string, person: Person, isTrusted: boolean, isFirst: boolean): Promise<void> {
    const iceServers = await this.#courier.iceServers().catch(() => []);
    this.#peers.get(page)?.close();
    if (this.#isOver || this.#peers.size >= MAX_PEERS) return;
    const peer: Peer = new Peer({
      page,
      person,
      isTrusted,
      isPolite: this.page < page,
      configuration: { iceServers, iceTransportPolicy: this.isRelayOnly ? 'relay' : 'all' },
      disk: this.#disk,
      tell: (lane, negotiation) =>
        this.#tell(peer.person.id, {
          from: this.page,
          to: page,
          lane,
          ...('description' in negotiation ? { kind: 'description', ...negotiation } : { kind: 'candidate', ...negotiation }),
        }),
      interrupted: (id) => {
        const receiving = this.#receivings.get(id);
        return receiving?.isInterrupted && !receiving.isOver ? receiving : undefined;
      },
    });
    this.#peers.set(page, peer);
    this.#watch(peer);
    if (isFirst) peer.begin();
    this.emit('changed');
  }

  #watch(peer: Peer): void {
    peer.on('changed', () => this.emit('changed'));
    peer.on('opened', () => this.#opened(peer));
    peer.on('text', (text) => this.emit('text', text, peer));
    peer.on('used', () => this.emit('closed', 'used'));
    peer.on('refused', (why) => this.emit('refused', why, peer));
    peer.on('secret', (written) => this.#takeSecret(written));
    peer.on('offered', (receiving) => {
      if (this.#receivings.get(receiving.id) !== receiving) receiving.on('changed', () => this.emit('changed'));
      this.#receivings.set(receiving.id, receiving);
      this.emit('offered', receiving, peer);
    });
    peer.on('ended', (isBroken) => {
      if (this.#peers.get(peer.page) === peer) this.#peers.delete(peer.page);
      this.emit('changed');
      if (isBroken) {
        this.#broken.add(peer.page);
        this.emit('refused', 'The other page does not keep to the protocol: both pages must be of one version.', peer);
        return;
      }
      // The host may be there still: a guest asks again.
      const isThere = !this.#isOver && this.#courier.others().some(({ id }) => id === peer.person.id);
      if (isThere) this.#greet(peer.person);
    });
  }

  #opened(peer: Peer): void {
    this.emit('peerConnected', peer);
    if (this.#role === 'host' && this.#secret && !peer.isTrusted) peer.say({ type: 'secret', secret: toBase64(this.#secret) });
    for (const offer of this.#offers) this.#offerTo(peer, offer);
    if (this.#offers.length > 0 && this.#offers.every(({ isUsed }) => isUsed)) peer.say({ type: 'used' });
  }

  /** A guest that came by the code has the whole link from now on: it finds back after a reload. */
  #takeSecret(written: string): void {
    const secret = fromBase64(written);
    if (this.#role !== 'guest' || this.#secret || !secret) return;
    this.emit('secret', secret);
  }

  /** Somebody who was lost goes on as another page: what was interrupted there is the same transfer. */
  #resumed(sending: Sending): void {
    const lost = this.#sendings.findIndex((one) => one.sending !== sending && one.sending.id === sending.id && one.sending.isInterrupted && !one.sending.isOver);
    if (lost >= 0) this.#sendings.splice(lost, 1);
  }

  #offerTo(peer: Peer, offer: MutableOffer): void {
    if (!peer.isOpen || offer.isUsed || offer.to?.includes(peer.person.id) === false) return;
    const sending = peer.offer(offer.manifest, offer.source);
    // What was interrupted with this page is taken up by this one.
    this.#sendings = this.#sendings.filter((one) => !(one.peer.page === peer.page && one.sending.id === sending.id && !one.sending.isOver));
    this.#sendings.push({ sending, peer });
    let isFresh = true;
    sending.on('changed', () => {
      if (isFresh && sending.state === 'active') {
        isFresh = false;
        if (sending.bytes > 0) this.#resumed(sending);
      }
      if (sending.state === 'done' && offer.isOnce && sending.acceptedFiles === offer.manifest.files.length) offer.isUsed = true;
      this.emit('changed');
    });
  }
}
