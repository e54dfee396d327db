/** A room in the page's own tree. */
import '../room/room-view.ts';
import { Agent, type Listener } from './agent.ts';
import { ALL_PARTS } from '../element/parts.ts';
import { SLOTS } from './contract.ts';
import type { Inside } from './inside.ts';

/** Puts a room into `root`, which has nothing else. */
export function begin(root: ShadowRoot, server: string, listener: Listener): Promise<Inside> {
  const view = document.createElement('oriel-room-view');
  view.url = server;
  // There may be other rooms on this page, and other things that keys are for.
  view.keys = 'inside';
  view.setAttribute('exportparts', ALL_PARTS);
  for (const name of SLOTS) {
    const slot = document.createElement('slot');
    slot.name = name;
    slot.slot = name;
    view.append(slot);
  }
  const agent = new Agent(view, listener);
  root.append(view);
  return Promise.resolve({
    set: (settings) => agent.set(settings),
    looks: () => undefined,
    command: (name, args) => agent.command(name, args),
    end: () => {
      agent.end();
      view.remove();
    },
  });
}

