import type { OrielError, Room } from '@oriel/client';
import { css, html, nothing, type TemplateResult } from 'lit';
import '../devices/devices.ts';
import type { DeviceChoice } from '../devices/devices.element.ts';
import '../devices/level.ts';
import { DialogElement } from '../element/dialog-element.ts';
import { browserMemory, recall, remember } from '../prejoin/choices.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { dialogStyles } from '../styles/dialog.styles.ts';

/** Which microphone, camera and speaker the room uses, as a dialog. */
export class SettingsElement extends DialogElement {
  static override styles = [
    baseStyles,
    buttonStyles,
    dialogStyles,
    css`
      oriel-level {
        color: var(--oriel-text-soft);
      }
      .trouble {
        margin-top: 14px;
        color: var(--oriel-danger-text);
      }
    `,
  ];
  static override properties = { ...DialogElement.properties, room: { attribute: false }, trouble: { state: true } };

  /** The room whose devices are chosen. */
  declare room: Room | undefined;
  private declare trouble: string;

  constructor() {
    super();
    this.trouble = '';
  }

  protected override heading(): string {
    return this.texts.devices;
  }

  protected override body(): TemplateResult {
    const { room } = this;
    const used = (kind: MediaDeviceKind) => room?.activeDevice(kind);
    const microphone = room?.localParticipant.getPublication('microphone')?.track.mediaStreamTrack;
    return html`
      <oriel-devices
        .language=${this.language}
        .chosen=${{ audioinput: used('audioinput'), videoinput: used('videoinput'), audiooutput: used('audiooutput') }}
        @oriel-device=${this.#onDevice}
      >
        ${microphone === undefined
          ? nothing
          : html`<oriel-level slot="microphone" role="img" aria-label=${this.texts.level} .track=${microphone}></oriel-level>`}
      </oriel-devices>
      ${this.trouble === '' ? nothing : html`<p class="trouble">${this.trouble}</p>`}
    `;
  }

  readonly #onDevice = async (event: CustomEvent<DeviceChoice>): Promise<void> => {
    const { kind, deviceId } = event.detail;
    this.trouble = '';
    try {
      await this.room?.switchActiveDevice(kind, deviceId);
      const memory = browserMemory();
      remember(memory, { ...recall(memory), [kind]: deviceId });
    } catch (error) {
      const { message, hint } = this.texts.problem(error as OrielError);
      this.trouble = `${message} ${hint}`;
      this.tell('oriel-announce', { text: this.trouble, urgency: 'assertive' });
    }
    this.requestUpdate();
  };
}
