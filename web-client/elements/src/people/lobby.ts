/** Who waits before the room, for those who may let them in. */
import type { Room, Waiting } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { hue, initials } from '../avatar/avatar.ts';
import type { Texts } from '../texts/texts.ts';

/** The list, with two buttons for each; nothing while nobody waits. `act` carries out what was pressed. */
export function lobby(room: Room, words: Texts['people'], act: (step: () => Promise<void>) => void): TemplateResult | typeof nothing {
  const { waiting, moderation } = room;
  if (waiting.length === 0) return nothing;
  const admitAll = async () => {
    for (const one of waiting) await moderation.admit(one);
  };
  const item = (one: Waiting) => html`<li data-testid="lobby-item">
    <span class="avatar" aria-hidden="true" .style=${`--hue: ${hue(one.identity)}`}>${initials(one.name)}</span>
    <div class="who"><p class="name"><bdi>${one.name}</bdi></p></div>
    <button
      type="button"
      class="button quiet"
      part="button"
      data-testid="deny"
      aria-label=${words.denyOne(one.name)}
      @click=${() => act(() => moderation.deny(one))}
    >
      ${words.deny}
    </button>
    <button
      type="button"
      class="button primary"
      part="button"
      data-testid="admit"
      aria-label=${words.admitOne(one.name)}
      @click=${() => act(() => moderation.admit(one))}
    >
      ${words.admit}
    </button>
  </li>`;
  return html`<section class="lobby" aria-labelledby="lobby">
    <header>
      <h3 id="lobby">${words.waiting} <span class="count">${waiting.length}</span></h3>
      ${waiting.length > 1
        ? html`<button type="button" class="button quiet" part="button" @click=${() => act(admitAll)}>${words.admitAll}</button>`
        : nothing}
    </header>
    <ul aria-label=${words.waitingList}>
      ${waiting.map(item)}
    </ul>
  </section>`;
}
