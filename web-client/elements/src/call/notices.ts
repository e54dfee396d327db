/** The strips above the pictures: what is wrong or unusual now, and the button that mends it. */
import { html, nothing, type TemplateResult } from 'lit';
import type { Device } from '../doctor/judge.ts';
import type { Finding } from '../doctor/doctor.ts';
import { icon } from '../icons/icon.ts';
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
export function notices(state: Notices): TemplateResult {
  return html`<div class="notices">
    ${state.reconnecting
      ? html`<div class="notice" part="notice" data-testid="reconnecting">
          <span class="spinner"></span>
          <p><strong>The connection is lost.</strong> Trying to get it back…</p>
        </div>`
      : nothing}
    ${state.audioBlocked
      ? html`<div class="notice" part="notice" data-testid="audio-blocked">
          ${icon('speaker')}
          <p>Your browser holds back the sound of this room.</p>
          <button type="button" class="button primary" part="button" data-testid="start-audio" @click=${state.onStartAudio}>
            Turn on sound
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
            aria-label="Close this notice"
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
            aria-label="Close this notice"
            @click=${() => state.onClose(key)}
          >
            ${icon('close')}
          </button>
        </div>`,
    )}
    ${state.sharing
      ? html`<div class="notice calm" part="notice" data-testid="sharing">
          ${icon('screen')}
          <p>You are sharing your screen.</p>
          <button type="button" class="button" part="button" @click=${state.onStopSharing}>Stop sharing</button>
        </div>`
      : nothing}
  </div>`;
}
