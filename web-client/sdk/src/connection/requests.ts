/**
 * The requests of one participation, across the connections that carry it. One that is unanswered when
 * a connection is lost is asked again on the next with the same number: the server does no request
 * twice, and gives the outcome that it kept.
 */

import { OrielError } from '../errors.ts';
import type { Done, ReplyFrame } from '../protocol.gen.ts';
import type { Frame, Replies, RequestOf, RequestType } from '../transport/transport.ts';

/** Milliseconds until an unanswered request is given up; the time without a connection does not count. */
const TIMEOUT = 10_000;
/** Requests that may be unanswered. */
const LIMIT = 512;

type Send = (frame: Frame) => void;

interface Pending {
  frame: Frame;
  what: string;
  timeout: number;
  /** It makes no sense on another connection. */
  passing: boolean;
  resolve: (reply: never) => void;
  reject: (error: OrielError) => void;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class Requests {
  readonly #pending = new Map<number, Pending>();
  #send: Send | undefined;
  #ended: OrielError | undefined;
  #lastId = 0;

  /** Asks; without a connection as soon as there is one. Rejects with an `OrielError`. */
  ask<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]> {
    return this.#ask(request.type, (id) => JSON.stringify({ id, ...request }), TIMEOUT, false, this.#send);
  }

  /** Hands over an envelope that carries the number which it is given. */
  give(envelope: (id: number) => Uint8Array<ArrayBuffer>): Promise<Done> {
    return this.#ask('send', envelope, TIMEOUT, false, this.#send);
  }

  /** Asks on the connection of this moment, and on no other. */
  askNow<T extends RequestType>(
    request: RequestOf<T>,
    timeout = TIMEOUT,
    send: Send | undefined = this.#send,
  ): Promise<Replies[T]> {
    if (!send) return Promise.reject(new OrielError('not_connected', 'The connection is not open.'));
    return this.#ask(request.type, (id) => JSON.stringify({ id, ...request }), timeout, true, send);
  }

  /** A number that nothing else of this participation has; later ones are greater. */
  number(): number {
    return (this.#lastId += 1);
  }

  /** There is a connection: what is unanswered is asked there, in the order it was asked. */
  attach(send: Send): void {
    this.#send = send;
    for (const [id, pending] of this.#pending) this.#transmit(id, pending, send);
  }

  /** The connection is gone. */
  detach(error: OrielError): void {
    this.#send = undefined;
    for (const [id, pending] of this.#pending) {
      clearTimeout(pending.timer);
      if (pending.passing) this.#take(id)?.reject(error);
    }
  }

  answer(reply: ReplyFrame): void {
    // A late answer to a request that timed out has nobody waiting.
    const pending = this.#take(reply.re);
    if (!pending) return;
    if ('error' in reply) pending.reject(OrielError.fromServer(reply.error));
    else pending.resolve(reply.ok as never);
  }

  /** Nobody answers any more what has been asked so far. */
  forget(error: OrielError): void {
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
  }

  /** Nothing is answered any more. */
  end(error: OrielError): void {
    this.#ended ??= error;
    this.#send = undefined;
    this.forget(error);
  }

  #ask(
    what: string,
    write: (id: number) => Frame,
    timeout: number,
    passing: boolean,
    send: Send | undefined,
  ): Promise<never> {
    if (this.#ended) return Promise.reject(this.#ended);
    if (this.#pending.size >= LIMIT) {
      return Promise.reject(new OrielError('busy', `${LIMIT} requests are unanswered: wait for their replies.`));
    }
    const id = this.number();
    return new Promise((resolve, reject) => {
      const pending: Pending = { frame: write(id), what, timeout, passing, resolve, reject, timer: undefined };
      this.#pending.set(id, pending);
      if (send) this.#transmit(id, pending, send);
    });
  }

  #transmit(id: number, pending: Pending, send: Send): void {
    clearTimeout(pending.timer);
    pending.timer = setTimeout(() => {
      this.#take(id)?.reject(new OrielError('timeout', `The server did not answer "${pending.what}" in time.`));
    }, pending.timeout);
    send(pending.frame);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    clearTimeout(pending?.timer);
    this.#pending.delete(id);
    return pending;
  }
}
