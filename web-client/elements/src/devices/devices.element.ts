import { listDevices } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import { RoomPart } from '../element/room-part.ts';
import { icon, type IconName } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { fieldStyles } from '../styles/field.styles.ts';
import { playChime } from './chime.ts';
import { devicesStyles } from './devices.styles.ts';

/** `detail` of `oriel-device`: use this one from now on. */
export interface DeviceChoice {
  readonly kind: MediaDeviceKind;
  readonly deviceId: string;
}

/** The ids in use; `undefined` for whatever the browser takes by itself. */
export type ChosenDevices = Readonly<Partial<Record<MediaDeviceKind, string | undefined>>>;

const PICKERS: readonly { kind: MediaDeviceKind; words: 'microphone' | 'camera' | 'speaker'; icon: IconName }[] = [
  { kind: 'audioinput', words: 'microphone', icon: 'microphone' },
  { kind: 'videoinput', words: 'camera', icon: 'camera' },
  { kind: 'audiooutput', words: 'speaker', icon: 'speaker' },
];

/** Whether this browser lets a page choose the loudspeaker. */
function canChooseSpeaker(): boolean {
  return 'setSinkId' in HTMLMediaElement.prototype;
}

/**
 * Which microphone, camera and speaker: three lists, kept up to date as things are plugged in.
 *
 * @fires oriel-device - One was chosen. `detail` is a `DeviceChoice`.
 * @csspart picker - Each list.
 */
export class DevicesElement extends RoomPart {
  static override styles = [baseStyles, buttonStyles, fieldStyles, devicesStyles];
  static override properties = {
    chosen: { attribute: false },
    devices: { state: true },
    playing: { state: true },
    trouble: { state: true },
  };

  /** What is in use. */
  declare chosen: ChosenDevices;
  private declare devices: Readonly<Record<MediaDeviceKind, readonly MediaDeviceInfo[]>>;
  private declare playing: boolean;
  private declare trouble: string;

  constructor() {
    super();
    this.chosen = {};
    this.devices = { audioinput: [], videoinput: [], audiooutput: [] };
    this.playing = false;
    this.trouble = '';
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // Not there on a page that is not secure.
    navigator.mediaDevices?.addEventListener('devicechange', this.#onChange);
    void this.refresh();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    navigator.mediaDevices?.removeEventListener('devicechange', this.#onChange);
  }

  /** Reads the lists anew: after a permission, devices have names. */
  async refresh(): Promise<void> {
    const read = async (kind: MediaDeviceKind) => {
      const all = await listDevices(kind).catch(() => []);
      // Before a permission there is one nameless entry for each kind.
      return all.filter((device) => device.deviceId !== '' && device.label !== '');
    };
    const [audioinput, videoinput, audiooutput] = await Promise.all([
      read('audioinput'),
      read('videoinput'),
      canChooseSpeaker() ? read('audiooutput') : [],
    ]);
    this.devices = { audioinput, videoinput, audiooutput };
  }

  override render(): TemplateResult {
    return html`${PICKERS.map(({ kind, words, icon: name }) => this.#picker(kind, this.texts[words], name))}`;
  }

  #picker(kind: MediaDeviceKind, words: string, name: IconName): TemplateResult | typeof nothing {
    const devices = this.devices[kind];
    if (devices.length === 0 && kind === 'audiooutput') return nothing;
    const chosen = this.chosen[kind];
    const known = devices.some((device) => device.deviceId === chosen);
    return html`<div class="field">
      <label class="label" for=${kind}>${icon(name)} ${words}</label>
      <div class="row">
        <div class="select">
        <select
          id=${kind}
          part="picker"
          data-testid="device-${kind}"
          ?disabled=${devices.length === 0}
          .value=${live(known ? (chosen ?? '') : (devices[0]?.deviceId ?? ''))}
          @change=${(event: Event) => this.#onChoice(kind, event)}
        >
          ${devices.length === 0 ? html`<option value="">${this.texts.choosing.none[kind]}</option>` : nothing}
          ${devices.map(
            (device, index) =>
              html`<option
                value=${device.deviceId}
                ?selected=${known ? device.deviceId === chosen : index === 0}
              >
                ${device.label}
              </option>`,
          )}
        </select>
        ${icon('next')}
        </div>
        ${kind === 'audiooutput'
          ? html`<button type="button" class="button" ?disabled=${this.playing} @click=${this.#onTest}>${this.texts.choosing.test}</button>`
          : nothing}
      </div>
      ${kind === 'audiooutput' && this.trouble !== '' ? html`<p class="trouble">${this.trouble}</p>` : nothing}
      ${kind === 'audioinput' ? html`<slot name="microphone"></slot>` : nothing}
    </div>`;
  }

  #onChoice(kind: MediaDeviceKind, event: Event): void {
    const deviceId = (event.target as HTMLSelectElement).value;
    this.chosen = { ...this.chosen, [kind]: deviceId };
    this.tell<DeviceChoice>('oriel-device', { kind, deviceId });
  }

  readonly #onChange = (): void => {
    void this.refresh();
  };

  readonly #onTest = async (): Promise<void> => {
    this.playing = true;
    this.trouble = '';
    try {
      await playChime(this.chosen.audiooutput);
    } catch {
      this.trouble = this.texts.choosing.silent;
      this.tell('oriel-announce', { text: this.trouble, urgency: 'assertive' });
    } finally {
      this.playing = false;
    }
  };
}
