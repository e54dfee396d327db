import { html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { initials } from '../avatar/avatar.ts';
import '../devices/devices.ts';
import type { DeviceChoice } from '../devices/devices.element.ts';
import '../devices/level.ts';
import { Preview, type PreviewDevice } from '../devices/preview.ts';
import { examine, type Finding } from '../doctor/doctor.ts';
import type { Announcement } from '../element/element.ts';
import { RoomPart } from '../element/room-part.ts';
import { icon } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { fieldStyles } from '../styles/field.styles.ts';
import { browserMemory, type Choices, recall, remember } from './choices.ts';
import { prejoinStyles } from './prejoin.styles.ts';

/** Whether the room's password is wanted: not known to be, wanted, or given and wrong. */
export type PasswordQuestion = 'none' | 'asked' | 'wrong';

/** `detail` of `oriel-join`: who comes in, and with what. */
export interface JoinChoice extends Choices {
  /** The room's password, where it was asked for. */
  readonly password?: string;
  /** The open microphone, ours no longer: whoever takes it stops it. */
  readonly microphoneTrack: MediaStreamTrack | undefined;
  /** The open camera, likewise. */
  readonly cameraTrack: MediaStreamTrack | undefined;
}

const KINDS: Readonly<Record<PreviewDevice, 'audioinput' | 'videoinput'>> = {
  microphone: 'audioinput',
  camera: 'videoinput',
};

/**
 * The door of a room: a look into the mirror, a name, and which devices to take along.
 *
 * Nothing that is wrong with a camera or microphone keeps anybody from joining.
 *
 * @fires oriel-join - Join was pressed. `detail` is a `JoinChoice`.
 * @csspart preview - The picture.
 * @csspart button - Each button.
 * @slot prejoin-header - Above the heading.
 */
export class PrejoinElement extends RoomPart {
  static override styles = [baseStyles, buttonStyles, fieldStyles, prejoinStyles];
  static override properties = {
    roomName: { attribute: 'room-name' },
    name: {},
    password: { attribute: false },
    asksName: { attribute: false },
    microphone: {},
    camera: {},
    findings: { state: true },
    secret: { state: true },
    choices: { state: true },
    nameless: { state: true },
  };

  /** Where it leads, for people to read. */
  declare roomName: string;
  /** The display name to begin with; what was typed last time if empty. */
  declare name: string;
  /** Whether the room wants its password. */
  declare password: PasswordQuestion;
  /** Whether whoever comes says who it is; a token may say it instead. */
  declare asksName: boolean;
  /** `on` or `off` to begin with; as the last time else. */
  declare microphone: string;
  /** Likewise. */
  declare camera: string;
  private declare choices: Choices;
  /** What keeps devices away. */
  private declare findings: ReadonlyMap<PreviewDevice, Finding>;
  /** The password as it is typed. Remembered nowhere. */
  private declare secret: string;
  /** Join was pressed without a name. */
  private declare nameless: boolean;

  readonly #memory = browserMemory();
  readonly #preview = new Preview(this);

  constructor() {
    super();
    this.roomName = '';
    this.name = '';
    this.password = 'none';
    this.secret = '';
    this.asksName = true;
    this.microphone = '';
    this.camera = '';
    this.findings = new Map();
    this.choices = recall(this.#memory);
    this.nameless = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    for (const device of ['camera', 'microphone'] as const) {
      if (this[device] !== '') this.choices = { ...this.choices, [device]: this[device] === 'on' };
    }
    for (const device of ['camera', 'microphone'] as const) {
      if (this.choices[device]) void this.#open(device);
    }
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('name') && this.name !== '') this.choices = { ...this.choices, name: this.name };
  }

  override render(): TemplateResult {
    const { devices, prejoin: words } = this.texts;
    return html`
      <div class="columns">
        <section class="preview" part="preview" aria-label=${words.yourCamera}>${this.#picture()} ${this.#switches()}</section>
        <section class="join" aria-labelledby="title">
          <div>
            <slot name="prejoin-header"></slot>
            <h1 id="title">${words.title}</h1>
            ${this.roomName === '' ? nothing : html`<p class="where">${words.room} <strong dir="auto">${this.roomName}</strong></p>`}
          </div>
          ${this.#form()} ${this.#troubles()}
          <details>
            <summary>${icon('settings')} ${devices} <span class="turned">${icon('next')}</span></summary>
            <oriel-devices .language=${this.language} .chosen=${this.#chosen()} @oriel-device=${this.#onDevice}></oriel-devices>
          </details>
        </section>
      </div>
    `;
  }

  protected override firstUpdated(): void {
    if (this.password !== 'none') this.renderRoot.querySelector<HTMLElement>('#password')?.focus();
  }

  protected override updated(): void {
    const video = this.renderRoot.querySelector('video');
    const track = this.#preview.track('camera');
    if (video === null || track === undefined) return;
    const shown = video.srcObject instanceof MediaStream ? video.srcObject.getVideoTracks()[0] : undefined;
    if (shown !== track) video.srcObject = new MediaStream([track]);
  }

  #picture(): TemplateResult {
    if (this.#preview.track('camera') !== undefined) {
      return html`<video data-testid="preview" aria-label=${this.texts.prejoin.mirror} playsinline autoplay muted .muted=${true}></video>`;
    }
    const words = this.texts.prejoin;
    const name = this.choices.name.trim();
    return html`<div class="nothing" data-testid="preview">
      <div class="avatar" aria-hidden="true">${name === '' ? icon('camera-off') : initials(name)}</div>
      <p>${this.#preview.isAsking('camera') ? words.waiting : words.off}</p>
    </div>`;
  }

  #switches(): TemplateResult {
    const microphone = this.#preview.track('microphone');
    return html`
      ${microphone === undefined
        ? nothing
        : html`<oriel-level class="meter" role="img" aria-label=${this.texts.level} .track=${microphone}></oriel-level>`}
      <div class="switches">${this.#switch('microphone')} ${this.#switch('camera')}</div>
    `;
  }

  #switch(device: PreviewDevice): TemplateResult {
    const on = this.choices[device] && this.#preview.error(device) === undefined;
    const label = this.texts.switches[device][on ? 'on' : 'off'];
    return html`<button
      type="button"
      class=${classMap({ switch: true, off: !on })}
      part="button"
      data-testid="prejoin-${device}"
      aria-pressed=${on}
      aria-label=${label}
      title=${label}
      @click=${() => this.#onSwitch(device, !on)}
    >
      ${icon(on ? device : `${device}-off`)}
    </button>`;
  }

  #form(): TemplateResult {
    return html`<form @submit=${this.#onSubmit} novalidate>
      ${this.asksName ? this.#nameField() : nothing}
      ${this.password === 'none' ? nothing : this.#passwordField()}
      <button class="button primary join-button" part="button" data-testid="join-button">${this.texts.prejoin.join}</button>
    </form>`;
  }

  #nameField(): TemplateResult {
    const words = this.texts.prejoin;
    return html`<div class="field">
        <label class="label" for="name">${words.name}</label>
        <input
          id="name"
          data-testid="name-input"
          autocomplete="name"
          maxlength="64"
          required
          dir=${this.choices.name === '' ? nothing : 'auto'}
          placeholder=${words.nameHint}
          aria-invalid=${this.nameless}
          aria-describedby=${this.nameless ? 'complaint' : nothing}
          .value=${this.choices.name}
          @input=${this.#onName}
        />
        ${this.nameless ? html`<p class="complaint" id="complaint">${words.nameless}</p>` : nothing}
      </div>`;
  }

  #passwordField(): TemplateResult {
    const words = this.texts.prejoin;
    const wrong = this.password === 'wrong' && this.secret === '';
    return html`<div class="field">
      <label class="label" for="password">${icon('lock')} ${words.password}</label>
      <input
        id="password"
        type="password"
        data-testid="password-input"
        autocomplete="off"
        maxlength="128"
        aria-invalid=${wrong}
        aria-describedby="password-words"
        .value=${this.secret}
        @input=${(event: Event) => (this.secret = (event.target as HTMLInputElement).value)}
      />
      <p class=${wrong ? 'complaint' : 'where'} id="password-words">
        ${wrong ? words.wrongPassword : words.passwordHint}
      </p>
    </div>`;
  }

  #troubles(): TemplateResult | typeof nothing {
    const found = this.#shown();
    if (found.length === 0) return nothing;
    return html`<div class="troubles">
      ${found.map(
        ({ devices, finding }) =>
          html`<div class="trouble" data-testid="device-trouble" data-cause=${finding.cause} dir=${finding.direction} lang=${finding.language}>
            ${icon('warning')}
            <div>
              <strong>${finding.title}</strong>
              ${finding.advice} ${finding.fix === '' ? nothing : html`<code dir="ltr">${finding.fix}</code>`}
              <br /><button type="button" @click=${() => devices.forEach((device) => this.#onSwitch(device, true))}>
                ${this.texts.prejoin.tryAgain}
              </button>
            </div>
          </div>`,
      )}
    </div>`;
  }

  #chosen() {
    const used = (device: PreviewDevice) => this.#preview.track(device)?.getSettings().deviceId;
    return {
      audioinput: used('microphone') ?? this.choices.audioinput,
      videoinput: used('camera') ?? this.choices.videoinput,
      audiooutput: this.choices.audiooutput,
    };
  }

  async #open(device: PreviewDevice): Promise<void> {
    await this.#preview.open(device, this.choices[KINDS[device]]);
    const waiting = this.#preview.isAsking('camera') || this.#preview.isAsking('microphone');
    if (!waiting) await this.#examine();
    void this.renderRoot.querySelector('oriel-devices')?.refresh();
  }

  async #examine(): Promise<void> {
    const failed = (['camera', 'microphone'] as const).filter((device) => this.#preview.error(device) !== undefined);
    const found = await Promise.all(failed.map((device) => examine(device, this.#preview.error(device), this.language.code)));
    this.findings = new Map(found.map((finding) => [finding.device as PreviewDevice, finding]));
    for (const { finding } of this.#shown()) {
      this.tell<Announcement>('oriel-announce', { text: `${finding.title}. ${finding.advice}`, urgency: 'polite' });
    }
    for (const finding of found) this.tell<Finding>('oriel-finding', finding);
  }

  /** What there is to say: once where the reason is the same for both. */
  #shown(): readonly { devices: readonly PreviewDevice[]; finding: Finding }[] {
    const found = [...this.findings].filter(([device]) => this.#preview.error(device) !== undefined);
    const [first, second] = found.map(([, finding]) => finding);
    if (first?.both !== undefined && first.cause === second?.cause) {
      return [{ devices: ['camera', 'microphone'], finding: { ...first, ...first.both } }];
    }
    return found.map(([device, finding]) => ({ devices: [device], finding }));
  }

  #onSwitch(device: PreviewDevice, on: boolean): void {
    this.#choose({ [device]: on });
    if (on) void this.#open(device);
    else this.#preview.close(device);
  }

  readonly #onDevice = (event: CustomEvent<DeviceChoice>): void => {
    const { kind, deviceId } = event.detail;
    this.#choose({ [kind]: deviceId });
    if (kind === 'audioinput' && this.choices.microphone) void this.#open('microphone');
    if (kind === 'videoinput' && this.choices.camera) void this.#open('camera');
  };

  readonly #onName = (event: Event): void => {
    this.nameless = false;
    this.choices = { ...this.choices, name: (event.target as HTMLInputElement).value };
  };

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    const name = this.choices.name.trim();
    if (name === '' && this.asksName) {
      this.nameless = true;
      this.renderRoot.querySelector<HTMLInputElement>('#name')?.focus();
      return;
    }
    if (this.asksName) this.#choose({ name });
    this.tell<JoinChoice>('oriel-join', {
      ...this.choices,
      ...(this.secret === '' ? {} : { password: this.secret }),
      // What has just failed is not tried again behind the door.
      microphone: this.choices.microphone && this.#preview.error('microphone') === undefined,
      camera: this.choices.camera && this.#preview.error('camera') === undefined,
      microphoneTrack: this.#preview.release('microphone'),
      cameraTrack: this.#preview.release('camera'),
    });
  };

  #choose(change: Partial<Choices>): void {
    this.choices = { ...this.choices, ...change };
    remember(this.#memory, this.choices);
  }
}
