/** Media that flows, and the elements it plays in. Who publishes it stands in `publication.ts`. */

import type { AudioPlayback } from './media/playback.ts';
import type { MediaKind, TrackSource } from './protocol.gen.ts';

/** Media that can be shown or heard. */
export abstract class Track {
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly #elements = new Set<HTMLMediaElement>();

  constructor(kind: MediaKind, source: TrackSource) {
    this.kind = kind;
    this.source = source;
  }

  /** The browser's track. Do not stop a remote one: it belongs to the connection. */
  abstract get mediaStreamTrack(): MediaStreamTrack;

  /** The elements it plays in. */
  get elements(): readonly HTMLMediaElement[] {
    return [...this.#elements];
  }

  /** Plays in `element`, or in a new one that the caller puts into the page. */
  attach(element: HTMLMediaElement = document.createElement(this.kind)): HTMLMediaElement {
    this.#elements.add(element);
    if (element instanceof HTMLVideoElement) element.playsInline = true;
    element.autoplay = true;
    this.show(element);
    return element;
  }

  /** Stops playing in `element`, or in all. Returns those it left. */
  detach(element?: HTMLMediaElement): HTMLMediaElement[] {
    const left = element ? [element].filter((one) => this.#elements.has(one)) : this.elements;
    for (const one of left) {
      this.#elements.delete(one);
      // The element may have been given something else meanwhile: that stays.
      if (one.srcObject instanceof MediaStream && one.srcObject.getTracks().includes(this.mediaStreamTrack)) {
        one.srcObject = null;
      }
      this.left(one);
    }
    return [...left];
  }

  /** Makes `element` play the browser's track. */
  protected show(element: HTMLMediaElement): void {
    element.srcObject = new MediaStream([this.mediaStreamTrack]);
  }

  /** Called when the track no longer plays in `element`. */
  protected left(_element: HTMLMediaElement): void {}
}

/** Who wants to know where a track plays. */
export interface Outlets {
  playback: AudioPlayback;
  /** Its picture is in this element, or no longer. */
  shown?(element: HTMLMediaElement, isShown: boolean): void;
}

/**
 * Somebody else's track while it flows to us. The browser's track belongs to a slot and carries
 * another participant's media after this one ended, so keep no reference beyond `trackUnsubscribed`.
 */
export class RemoteTrack extends Track {
  readonly mediaStreamTrack: MediaStreamTrack;
  /** Of the slot that carries it; grows with each binding of the slot. */
  readonly bind: number;
  readonly #outlets: Outlets;

  /** @internal */
  constructor(source: TrackSource, mediaStreamTrack: MediaStreamTrack, bind: number, outlets: Outlets) {
    super(mediaStreamTrack.kind as MediaKind, source);
    this.mediaStreamTrack = mediaStreamTrack;
    this.bind = bind;
    this.#outlets = outlets;
  }

  protected override show(element: HTMLMediaElement): void {
    super.show(element);
    if (this.kind === 'audio') {
      this.#outlets.playback.add(element);
      return;
    }
    this.#outlets.shown?.(element, true);
    // Pictures may always play; a rejection here only says that the element was left again.
    void element.play().catch(() => {});
  }

  protected override left(element: HTMLMediaElement): void {
    if (this.kind === 'audio') this.#outlets.playback.remove(element);
    else this.#outlets.shown?.(element, false);
  }
}

/** A track of our own. Its device may change or rest; elements follow. */
export class LocalTrack extends Track {
  #mediaStreamTrack: MediaStreamTrack;

  /** @internal */
  constructor(source: TrackSource, mediaStreamTrack: MediaStreamTrack) {
    super(mediaStreamTrack.kind as MediaKind, source);
    this.#mediaStreamTrack = mediaStreamTrack;
  }

  override get mediaStreamTrack(): MediaStreamTrack {
    return this.#mediaStreamTrack;
  }

  /** @internal Goes on with another browser track in every element. */
  replace(mediaStreamTrack: MediaStreamTrack): void {
    this.#mediaStreamTrack = mediaStreamTrack;
    for (const element of this.elements) this.show(element);
  }

  protected override show(element: HTMLMediaElement): void {
    // Nobody wants to hear themselves.
    element.muted = true;
    super.show(element);
    void element.play().catch(() => {});
  }
}
