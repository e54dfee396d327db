import { AudioMeter } from '@oriel/client';
import { html, type PropertyValues, type TemplateResult } from 'lit';
import { OrielElement } from '../element/element.ts';
import { meterPlace } from './loudness.ts';
import { levelStyles } from './level.styles.ts';

const BARS = 9;
/** Milliseconds between two looks at the microphone. */
const PACE = 60;

/** A meter that shows how loud a microphone is. */
export class LevelElement extends OrielElement {
  static override styles = levelStyles;
  static override properties = {
    track: { attribute: false },
    lit: { state: true },
  };

  /** The audio track to measure. */
  declare track: MediaStreamTrack | undefined;
  private declare lit: number;

  #meter: AudioMeter | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    this.lit = 0;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.hasUpdated) this.#start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop();
  }

  override render(): TemplateResult {
    // Not a live value for screen readers: a number that changes all the time is noise there.
    return html`${Array.from({ length: BARS }, (_, index) => html`<i class=${index < this.lit ? 'lit' : ''}></i>`)}`;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('track')) this.#start();
  }

  #start(): void {
    this.#stop();
    const { track } = this;
    if (track === undefined) return;
    const meter = new AudioMeter(track);
    this.#meter = meter;
    this.#timer = setInterval(() => {
      this.lit = Math.round(meterPlace(meter.level) * BARS);
    }, PACE);
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#meter?.close();
    this.#meter = undefined;
    this.lit = 0;
  }
}
