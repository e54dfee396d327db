/** How a page reaches others before it is connected with them: any room that relays notes. */
import type { Room, Signaling } from '@oriel/client';

/** Somebody in the room. */
export interface Person {
  /** Of the participation. */
  readonly id: string;
  /** The display name. */
  readonly name: string;
}

export interface CourierListener {
  /** Somebody came. */
  came(person: Person): void;
  /** Somebody left. */
  left(id: string): void;
  /** A note came. */
  received(data: string, from: Person): void;
}

export interface Courier {
  /** Who else is there. */
  others(): Person[];
  /** Gives a note to somebody. Rejects where that is not possible. */
  signal(to: string, data: string): Promise<void>;
  iceServers(): Promise<RTCIceServer[]>;
  /** Tells from now on. Returns the function that ends it. */
  listen(listener: CourierListener): () => void;
}

/** By a room without media. */
export function courierBySignaling(signaling: Signaling): Courier {
  return {
    others: () => [...signaling.participants.values()],
    signal: (to, data) => signaling.signal(to, data),
    iceServers: () => signaling.iceServers(),
    listen: (listener) => {
      const ends = [
        signaling.on('participantConnected', (person) => listener.came(person)),
        signaling.on('participantDisconnected', ({ id }) => listener.left(id)),
        signaling.on('signalReceived', (data, from) => {
          const person = signaling.participants.get(from);
          if (person) listener.received(data, person);
        }),
      ];
      return () => ends.forEach((end) => end());
    },
  };
}

/** By the room of a call. `early` is what came before anybody listened, oldest first. */
export function courierByRoom(room: Room, early: readonly { readonly data: string; readonly from: Person }[] = []): Courier {
  return {
    others: () => [...room.remoteParticipants.values()],
    signal: (to, data) => room.signal(to, data),
    iceServers: () => room.iceServers(),
    listen: (listener) => {
      const ends = [
        room.on('participantConnected', (person) => listener.came(person)),
        room.on('participantDisconnected', ({ id }) => listener.left(id)),
        room.on('signalReceived', (data, from) => from && listener.received(data, from)),
      ];
      for (const { data, from } of early) listener.received(data, from);
      return () => ends.forEach((end) => end());
    },
  };
}
