/**
 * The send m-lines of a session. One that was left serves the next track of its kind without a new
 * offer; none is ever stopped, as a stopped m-line could come back as half a slot pair in the wrong
 * place of the order.
 */

import { encodings, hint, type Outgoing } from '../media/publish.ts';
import type { PeerConnection } from './peer-connection.ts';
import { preferCodecs } from './slots.ts';

/** A send m-line on its way. */
export interface Sender {
  /** The offer that has the m-line is on its way: requests made now arrive behind it. */
  readonly offered: Promise<RTCRtpTransceiver>;
  /** The m-line is agreed on. */
  readonly answered: Promise<void>;
}

export class Senders {
  readonly #peer: PeerConnection;
  readonly #idle: RTCRtpTransceiver[] = [];
  /** What is played in sync goes out under one stream id: camera with microphone, screen with its sound. */
  readonly #streams = { person: new MediaStream(), screen: new MediaStream() };

  constructor(peer: PeerConnection) {
    this.#peer = peer;
  }

  take(outgoing: Outgoing): Sender {
    hint(outgoing);
    const index = this.#idle.findIndex((one) => one.receiver.track.kind === outgoing.kind);
    const [idle] = this.#idle.splice(index, index < 0 ? 0 : 1);
    return idle ? this.#reuse(idle, outgoing) : this.#add(outgoing);
  }

  /** The m-line is no longer used. */
  give(transceiver: RTCRtpTransceiver): void {
    // On a closed connection this fails, and nothing has to be kept.
    void transceiver.sender.replaceTrack(null).catch(() => {});
    // One that never got into an answered offer cannot be published on.
    if (transceiver.currentDirection === 'sendonly') this.#idle.push(transceiver);
  }

  #reuse(transceiver: RTCRtpTransceiver, { media }: Outgoing): Sender {
    const replaced = transceiver.sender.replaceTrack(media);
    return { offered: replaced.then(() => transceiver), answered: replaced };
  }

  #add(outgoing: Outgoing): Sender {
    const { media, kind, source } = outgoing;
    const stream = source.startsWith('screen') ? this.#streams.screen : this.#streams.person;
    let onItsWay: (transceiver: RTCRtpTransceiver) => void = () => {};
    const offered = new Promise<RTCRtpTransceiver>((resolve) => (onItsWay = resolve));
    let added: RTCRtpTransceiver;
    const answered = this.#peer.negotiate({
      apply: (pc) => {
        added = pc.addTransceiver(media ?? kind, {
          direction: 'sendonly',
          streams: [stream],
          sendEncodings: encodings(outgoing),
        });
        preferCodecs(added, kind);
      },
      offered: () => onItsWay(added),
    });
    // If there never is an offer, whoever waits for one learns why; `answered` cannot come first otherwise.
    const failed = answered.then(() => offered);
    answered.catch(() => {});
    return { offered: Promise.race([offered, failed]), answered };
  }
}
