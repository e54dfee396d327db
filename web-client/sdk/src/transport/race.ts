/** Two ways at once: the better one if it opens in time, else the other. */

import { abortedError, type OrielError } from '../errors.ts';
import type { Carrier, Frame, Transport, TransportListener } from './transport.ts';

/** Milliseconds that the better way may open later than the other. */
const GRACE = 200;

export class Race implements Transport {
  readonly #better: Promise<Transport>;
  readonly #other: Transport | undefined;
  readonly #stop = new AbortController();
  #transport: Transport | undefined;

  /** `better` may have to be loaded first. Without the `other` one it has nobody to run against. */
  constructor(better: Promise<Transport>, other: Transport | undefined) {
    this.#better = better;
    this.#other = other;
  }

  get carrier(): Carrier | undefined {
    return this.#transport?.carrier;
  }

  /** Rejects with what kept the other way from opening when neither opens. */
  async open(listener: TransportListener, signal?: AbortSignal): Promise<void> {
    const stop = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    const better = this.#try(this.#better, listener, stop);
    const other = this.#other && this.#try(this.#other, listener, stop);
    const [winner, loser] = !other || (await isBetter(better, other)) ? [better, other] : [other, better];
    loser?.giveUp();
    const transport = await winner.opened;
    // Meanwhile it may have been given up, or have ended.
    if (stop.aborted) winner.giveUp();
    if (stop.aborted) throw abortedError(stop);
    if (winner.ended) throw winner.ended;
    this.#transport = transport;
  }

  send(frame: Frame): void {
    this.#transport?.send(frame);
  }

  close(): void {
    this.#stop.abort();
    this.#transport?.close();
  }

  #try(made: Transport | Promise<Transport>, listener: TransportListener, signal: AbortSignal): Attempt {
    const stop = new AbortController();
    const both = AbortSignal.any([signal, stop.signal]);
    const open = async (): Promise<Transport> => {
      const transport = await made;
      const isOurs = (): boolean => this.#transport === transport;
      await transport.open(
        {
          frame: (frame) => isOurs() && listener.frame(frame),
          envelope: (bytes) => isOurs() && listener.envelope(bytes),
          closed: (error) => {
            attempt.ended = error;
            if (isOurs()) listener.closed(error);
          },
        },
        both,
      );
      return transport;
    };
    const attempt: Attempt = {
      opened: open(),
      ended: undefined,
      giveUp: () => {
        stop.abort();
        attempt.opened.then(
          (transport) => transport.close(),
          () => {},
        );
      },
    };
    return attempt;
  }
}

/** One of the two ways. */
interface Attempt {
  opened: Promise<Transport>;
  /** Why it is over, if it opened and is. */
  ended: OrielError | undefined;
  giveUp: () => void;
}

/** Whether the better one is taken. */
function isBetter(better: Attempt, other: Attempt): Promise<boolean> {
  const opens = better.opened.then(
    () => true,
    () => false,
  );
  const patience = other.opened.then(
    () => after(GRACE),
    () => opens,
  );
  return Promise.race([opens, patience]);
}

function after(milliseconds: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, false));
}
