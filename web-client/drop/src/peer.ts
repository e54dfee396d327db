/** Another page: the connections with it, and what is sent and received over them. */
import { TypedEmitter } from '@oriel/client';
import { sha256, toHex, type Bytes } from './bytes.ts';
import type { Person } from './courier.ts';
import type { Disk } from './disk/disk.ts';
import { Gain } from './gain.ts';
import { Lane, type Negotiation, type Path } from './lane.ts';
import { MAX_LANES } from './limits.ts';
import { Manifest, ManifestError } from './manifest.ts';
import { decodeMessage, encodeMessage, type Message } from './messages.ts';
import { Assembly, readPiece, tagOf, type CutBlock } from './piece.ts';
import { Receiving } from './receiving.ts';
import { Sending } from './sending.ts';
import type { Wire } from './transfer.ts';

/** Milliseconds between two looks at the path and at the speed. */
const LOOK = 500;
/** Transfers that one page may offer. */
const MAX_OFFERS = 32;

export interface PeerEvents {
  /** Anything that this object says has changed. */
  changed: [];
  /** The first connection is open. */
  opened: [];
  /** It offers files. */
  offered: [transfer: Receiving];
  /** It sent a text. */
  text: [text: string];
  /** It passed on the secret of the link. */
  secret: [secret: string];
  /** What we came for was taken by somebody else before. */
  used: [];
  /** It has offered what is refused; it was told. */
  refused: [why: string];
  /** The connection is lost or closed. `isBroken`: because it did not keep to the protocol. */
  ended: [isBroken: boolean];
}

export interface PeerSettings {
  readonly page: string;
  readonly person: Person;
  /** It has the secret of our link. */
  readonly isTrusted: boolean;
  readonly isPolite: boolean;
  readonly configuration: RTCConfiguration;
  readonly disk: Disk;
  /** Has the other page told, by way of the room. */
  tell(lane: number, negotiation: Negotiation): void;
  /** What was received of this page or another before, and was interrupted. */
  interrupted(id: string): Receiving | undefined;
}

export class Peer extends TypedEmitter<PeerEvents> {
  readonly page: string;
  readonly person: Person;
  readonly isTrusted: boolean;
  readonly #settings: PeerSettings;
  readonly #lanes = new Map<number, Lane>();
  readonly #assemblies = new Map<number, Assembly>();
  readonly #gain = new Gain();
  readonly #sendings = new Map<string, Sending>();
  readonly #receivings = new Map<string, Receiving>();
  /** By the part of the id that pieces have. */
  readonly #byTag = new Map<string, Receiving>();
  /** The offer whose manifest comes in parts at the moment. */
  #incoming: { readonly id: string; readonly length: number; text: string } | undefined;
  #turn = 0;
  #path: Path | undefined;
  /** The other side has said that it hears. */
  #isReady = false;
  #wasOpen = false;
  #isOver = false;
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(settings: PeerSettings) {
    super();
    this.#settings = settings;
    this.page = settings.page;
    this.person = settings.person;
    this.isTrusted = settings.isTrusted;
    this.#timer = setInterval(() => void this.#look(), LOOK);
    this.#makeLane(0);
  }

  get isOpen(): boolean {
    return this.#isReady && (this.#lanes.get(0)?.isOpen ?? false);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** How bytes go at the moment; undefined until it is known. */
  get path(): Path | undefined {
    return this.#path;
  }

  /** Peer connections that are open. */
  get lanes(): number {
    return [...this.#lanes.values()].filter(({ isOpen }) => isOpen).length;
  }

  get sendings(): readonly Sending[] {
    return [...this.#sendings.values()];
  }

  get receivings(): readonly Receiving[] {
    return [...this.#receivings.values()];
  }

  /** Begins to connect, from this side. */
  begin(): void {
    this.#lanes.get(0)?.begin();
  }

  /** Takes what the other page tells of one of the connections. */
  receive(lane: number, told: Negotiation): void {
    if (this.#isOver || lane >= MAX_LANES) return;
    void (this.#lanes.get(lane) ?? this.#makeLane(lane)).receive(told);
  }

  /** Offers files. */
  offer(manifest: Manifest, source: number): Sending {
    const sending = new Sending(manifest, this.#wire(), this.#settings.disk, source);
    this.#sendings.set(manifest.id, sending);
    sending.offer();
    this.emit('changed');
    return sending;
  }

  say(message: Message): void {
    this.#lanes.get(0)?.say(encodeMessage(message));
  }

  /** Ends the connection. What is under way is interrupted. */
  close(): void {
    this.#end(false);
  }

  #break(): void {
    this.#end(true);
  }

  #end(isBroken: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#timer);
    for (const lane of this.#lanes.values()) lane.close();
    for (const transfer of [...this.#sendings.values(), ...this.#receivings.values()]) {
      if (isBroken) transfer.abandon();
      else if (!transfer.isOver) transfer.interrupt();
    }
    this.emit('ended', isBroken);
  }

  #wire(): Wire {
    return { say: (message) => this.say(message), feed: () => this.#feed(), broken: () => this.#break() };
  }

  #makeLane(number: number): Lane {
    const { isPolite, configuration } = this.#settings;
    const lane: Lane = new Lane(
      { number, isPolite, configuration },
      {
        tell: (negotiation) => this.#settings.tell(number, negotiation),
        opened: () => this.#opened(number),
        control: (text) => this.#control(text),
        piece: (message) => this.#piece(number, message),
        next: (messageSize) => this.#next(number, messageSize),
        broken: () => this.#break(),
        ended: () => this.#laneEnded(number, lane),
      },
    );
    this.#lanes.set(number, lane);
    this.#assemblies.set(number, new Assembly());
    return lane;
  }

  #opened(number: number): void {
    // The channel may be open here before it is there, and what is said too early may be heard by nobody.
    if (number === 0) this.say({ type: 'ready' });
    this.#begun();
    this.emit('changed');
    this.#feed();
  }

  /** It hears us. Whether it has heard that we hear it, it does not say: we say so again. */
  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    this.say({ type: 'ready' });
    this.#begun();
  }

  /** Both sides hear each other, for the first time. */
  #begun(): void {
    if (this.#wasOpen || !this.isOpen) return;
    this.#wasOpen = true;
    this.emit('opened');
    this.emit('changed');
    void this.#look();
  }

  #laneEnded(number: number, lane: Lane): void {
    if (this.#lanes.get(number) !== lane) return;
    if (number === 0) {
      this.close();
      return;
    }
    this.#lanes.delete(number);
    for (const receiving of this.#receivings.values()) receiving.lostLane();
    this.emit('changed');
  }

  #feed(): void {
    for (const lane of this.#lanes.values()) void lane.send();
  }

  /** The next block for a lane: transfers take turns. */
  async #next(lane: number, messageSize: number): Promise<CutBlock | undefined> {
    if (lane >= this.#gain.lanes) return undefined;
    const active = this.sendings.filter(({ state }) => state === 'active');
    for (let tried = 0; tried < active.length; tried += 1) {
      const sending = active[this.#turn++ % active.length]!;
      const cut = await sending.next(messageSize);
      if (cut) return cut;
    }
    return undefined;
  }

  #control(text: string): void {
    const message = decodeMessage(text);
    if (message === undefined) return;
    if (message === 'bad') {
      this.#break();
      return;
    }
    switch (message.type) {
      case 'ready':
        this.#ready();
        return;
      case 'offer':
        this.#incoming = { id: message.id, length: message.length, text: '' };
        return;
      case 'manifest':
        void this.#manifestPart(message.id, message.part, message.last);
        return;
      case 'text':
        this.emit('text', message.text);
        return;
      case 'secret':
        this.emit('secret', message.secret);
        return;
      case 'used':
        this.emit('used');
        return;
      case 'accept':
      case 'decline':
      case 'want':
      case 'progress':
      case 'done':
        this.#sendings.get(message.id)?.take(message);
        return;
      default:
        // Either end says these; one who sends to himself does not exist.
        (this.#sendings.get(message.id) ?? this.#receivings.get(message.id))?.take(message);
    }
  }

  async #manifestPart(id: string, part: string, isLast: boolean): Promise<void> {
    const incoming = this.#incoming;
    if (incoming?.id !== id || incoming.text.length + part.length > incoming.length) {
      this.#break();
      return;
    }
    incoming.text += part;
    if (!isLast) return;
    this.#incoming = undefined;
    await this.#offered(id, new TextEncoder().encode(incoming.text));
  }

  async #offered(id: string, bytes: Bytes): Promise<void> {
    if (this.#receivings.get(id)?.isOver === false || this.#receivings.size >= MAX_OFFERS) return;
    let manifest: Manifest;
    try {
      if (toHex(await sha256(bytes)) !== id) throw new ManifestError('The list of files is not the one that was announced.');
      manifest = await Manifest.parse(bytes);
    } catch (error) {
      this.say({ type: 'decline', id });
      this.emit('refused', error instanceof Error ? error.message : String(error));
      return;
    }
    const wire = this.#wire();
    const known = this.#settings.interrupted(id);
    const receiving = known ?? new Receiving(manifest, wire, this.#settings.disk);
    this.#receivings.set(id, receiving);
    this.#byTag.set(tagOf(id), receiving);
    this.emit('offered', receiving);
    this.emit('changed');
    if (known) known.reattach(wire);
    // Where nothing can be found, a person decides as about anything new.
    else await receiving.goOn().catch(() => {});
  }

  #piece(lane: number, message: ArrayBuffer): void {
    const piece = readPiece(message);
    const receiving = piece && this.#byTag.get(piece.tag);
    const length = piece && receiving?.expected(piece.block);
    if (!piece || !receiving || length === undefined) {
      this.#break();
      return;
    }
    if (length === 0) return;
    const added = this.#assemblies.get(lane)?.add(piece, length);
    if (added === 'bad') this.#break();
    else if (added) void receiving.arrived(added);
  }

  /** Looks at the path, and whether more connections are worth it. */
  async #look(): Promise<void> {
    const path = await this.#lanes.get(0)?.path();
    if (this.#isOver) return;
    if (path && path.isRelayed !== this.#path?.isRelayed) this.emit('changed');
    this.#path = path ?? this.#path;
    const isSending = this.isOpen && this.sendings.some(({ state, isPaused }) => state === 'active' && !isPaused);
    if (!isSending || !path) {
      this.#gain.idle();
      return;
    }
    const sent = [...this.#lanes.values()].reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    this.#gain.observe(performance.now(), sent, path.roundTrip);
    for (let number = 1; number < this.#gain.lanes; number += 1) {
      if (!this.#lanes.has(number)) this.#makeLane(number).begin();
    }
    this.#feed();
  }
}
