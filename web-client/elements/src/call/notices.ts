/** The strips above the pictures: what is wrong or unusual now, and the button that mends it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Device } from '../doctor/judge.ts';
import type { Finding } from '../doctor/doctor.ts';
import { icon } from '../icons/icon.ts';
import type { Texts } from '../texts/texts.ts';
import type { Bulletin, BulletinKey } from './bulletins.ts';

/** What may need saying. */
export interface Notices {
  readonly reconnecting: boolean;
  readonly audioBlocked: boolean;
  readonly sharing: boolean;
  readonly bulletins: readonly (readonly [BulletinKey, Bulletin])[];
  readonly troubles: ReadonlyMap<Device, Finding>;
  readonly onStartAudio: () => void;
  readonly onStopSharing: () => void;
  readonly onClose: (key: BulletinKey) => void;
  readonly onDismiss: (device: Device) => void;
}

/** All strips that apply, the most urgent first. */
export function notices(state: Notices, { stopSharing, call: words }: Texts): TemplateResult {
  return html`<div class="notices">
    ${state.reconnecting
      ? html`<div class="notice" part="notice" data-testid="reconnecting">
          <span class="spinner"></span>
          <p><strong>${words.lostTitle}</strong> ${words.lostAdvice}</p>
        </div>`
      : nothing}
    ${state.audioBlocked
      ? html`<div class="notice" part="notice" data-testid="audio-blocked">
          ${icon('speaker')}
          <p>${words.audioBlocked}</p>
          <button type="button" class="button primary" part="button" data-testid="start-audio" @click=${state.onStartAudio}>
            ${words.startAudio}
          </button>
        </div>`
      : nothing}
    ${[...state.troubles].map(
      ([device, { title, advice, fix, cause, direction, language }]) =>
        html`<div class="notice" part="notice" data-testid="device-trouble" data-cause=${cause} dir=${direction} lang=${language}>
          ${icon('warning')}
          <p><strong>${title}.</strong> ${advice} ${fix === '' ? nothing : html`<code dir="ltr">${fix}</code>`}</p>
          <button
            type="button"
            class="icon-button"
            part="button"
            aria-label=${words.closeNotice}
            @click=${() => state.onDismiss(device)}
          >
            ${icon('close')}
          </button>
        </div>`,
    )}
    ${state.bulletins.map(
      ([key, { icon: name, text, action }]) =>
        html`<div class="notice calm" part="notice" data-testid="bulletin-${key}">
          ${icon(name)}
          <p>${text}</p>
          ${action === undefined
            ? nothing
            : html`<button type="button" class="button" part="button" data-testid="bulletin-act" @click=${action.act}>
                ${action.words}
              </button>`}
          <button
            type="button"
            class="icon-button"
            part="button"
            aria-label=${words.closeNotice}
            @click=${() => state.onClose(key)}
          >
            ${icon('close')}
          </button>
        </div>`,
    )}
    ${state.sharing
      ? html`<div class="notice calm" part="notice" data-testid="sharing">
          ${icon('screen')}
          <p>${words.sharing}</p>
          <button type="button" class="button" part="button" @click=${state.onStopSharing}>${stopSharing}</button>
        </div>`
      : nothing}
  </div>`;
}
