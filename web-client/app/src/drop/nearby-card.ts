/** The devices of this network, as the page shows them. */
import type { Language } from '@oriel/elements/files';
import { html, type TemplateResult } from 'lit';
import type { Device, Nearby } from './nearby.ts';

/** What happens when the person wants it. */
interface Actions {
  readonly show: () => void;
  readonly hide: () => void;
}

/** The card; without `nearby` this device is not seen. */
export function nearbyCard(nearby: Nearby | undefined, { texts }: Language, { show, hide }: Actions): TemplateResult {
  return html`<section class="card" aria-labelledby="nearby" data-testid="nearby">
    <h2 id="nearby">${texts.nearby}</h2>
    ${nearby === undefined
      ? html`<p class="soft">${texts.nearbyLead}</p>
          <div class="actions"><button type="button" class="button" data-testid="show-me" @click=${show}>${texts.nearbyShow}</button></div>`
      : html`<p class="soft">${texts.nearbyYou(nearby.name)} ${nearby.devices.length === 0 ? texts.nearbyNobody : ''}</p>
          <ul class="list">
            ${nearby.devices.map((device) => row(device, nearby, texts))}
          </ul>
          <div class="actions"><button type="button" class="button" data-testid="hide-me" @click=${hide}>${texts.nearbyHide}</button></div>`}
  </section>`;
}

function row({ id, name, standing }: Device, nearby: Nearby, texts: Language['texts']): TemplateResult {
  return html`<li class="person" data-testid="device">
    <bdi>${standing === 'asks' ? texts.nearbyAsks(name) : name}</bdi>
    ${standing === 'asks'
      ? html`<span class="actions">
          <button type="button" class="button primary" data-testid="agree" @click=${() => nearby.answer(id, true)}>${texts.connect}</button>
          <button type="button" class="button" data-testid="disagree" @click=${() => nearby.answer(id, false)}>${texts.decline}</button>
        </span>`
      : standing === 'asked' || standing === 'agreed'
        ? html`<span class="soft">${standing === 'asked' ? texts.offeredState : texts.connecting}</span>`
        : html`<span class="actions">
            ${standing === 'refused' ? html`<span class="soft">${texts.declinedState}</span>` : ''}
            <button type="button" class="button" data-testid="ask-device" aria-label=${texts.nearbyConnect(name)} @click=${() => nearby.ask(id)}>${texts.connect}</button>
          </span>`}
  </li>`;
}
