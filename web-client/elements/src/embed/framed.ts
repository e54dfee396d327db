/** The inside of a frame: a room that the page around it drives, and that page alone, by one port. */
import { tellForbidden } from '../doctor/doctor.ts';
import '../room/room-view.ts';
import { Agent, failure } from './agent.ts';
import { type FrameMessage, isOurs, type PageMessage, readPageMessage, Refusal, VERSION } from './contract.ts';
import { applyLooks } from './looks.ts';
import { SlotPlacesKeeper } from './slot-places.ts';

/** Waits for the page around this one, and shows the room that it asks for in `place`. */
export function showFramed(place: HTMLElement): void {
  let isDriven = false;
  addEventListener('message', (event) => {
    const { data, source, origin, ports } = event as MessageEvent<unknown>;
    // Other scripts of a page post to all of its frames: what is not meant for us is no matter of ours.
    if (!isOurs(data)) return;
    const port = ports[0];
    const reason = whyNot(data as Record<string, unknown>, isDriven || source !== window.parent || origin === 'null', port);
    if (reason !== undefined || port === undefined) {
      // Not to whom it may concern: to the one who has asked.
      if (origin !== 'null') (source as WindowProxy | null)?.postMessage({ oriel: VERSION, type: 'refused', reason }, origin);
      return;
    }
    isDriven = true;
    drive(place, port, origin);
  });
  // Nothing of this is a secret; whom the browser lets hold this page may know that it is there.
  window.parent.postMessage({ oriel: VERSION, type: 'here' }, '*');
}

/** Why a message that came past the port is not taken. */
function whyNot(data: Record<string, unknown>, isTooLate: boolean, port: MessagePort | undefined): string | undefined {
  if (isTooLate) return 'this room is driven by the page around it, by the port that it was given once: use the element’s methods';
  if (data['oriel'] !== VERSION) return `this is version ${VERSION} of the messages: load embed.js from this server`;
  if (data['type'] !== 'hello' || port === undefined) return 'the first message is a hello with a port: use <oriel-room> of embed.js';
  return undefined;
}

function drive(place: HTMLElement, port: MessagePort, origin: string): void {
  const post = (message: FrameMessage): void => port.postMessage({ ...message, oriel: VERSION });
  const view = document.createElement('oriel-room-view');
  view.embedder = origin;
  const agent = new Agent(view, {
    status: (status) => post({ type: 'status', status }),
    event: (name, detail) => post({ type: 'event', name, detail }),
  });
  const slots = new SlotPlacesKeeper(view, (places) => post({ type: 'slots', places }));
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];

  const answer = async ({ id, name, args }: PageMessage & { type: 'command' }): Promise<void> => {
    try {
      const value = await agent.command(name, args);
      post({ type: 'reply', id, value });
    } catch (error) {
      post({ type: 'reply', id, failure: failure(error) });
    }
  };
  port.onmessage = ({ data }) => {
    let message: PageMessage;
    try {
      message = readPageMessage(data);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      post({ type: 'refused', reason: error.message });
      return;
    }
    switch (message.type) {
      case 'settings':
        agent.set(message.settings);
        // The door opens when it is known whose it is.
        if (!view.isConnected) place.append(view);
        break;
      case 'looks':
        applyLooks(message.looks, 'oriel-room-view', sheet);
        break;
      case 'slots':
        slots.keep(message.sizes);
        break;
      case 'around':
        tellForbidden(message.forbidden);
        break;
      case 'command':
        void answer(message);
        break;
    }
  };
}
