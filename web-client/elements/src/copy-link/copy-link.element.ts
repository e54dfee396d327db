import { css, html, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { RoomPart } from '../element/room-part.ts';
import { icon } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { copyText } from './clipboard.ts';

/** Milliseconds that the button says that it worked. */
const PRAISE = 2500;

/**
 * A button that copies a link.
 *
 * @csspart button - The button.
 */
export class CopyLinkElement extends RoomPart {
  static override styles = [
    baseStyles,
    buttonStyles,
    css`
      :host {
        display: inline-block;
      }
      button {
        width: 100%;
      }
      :host([compact]) button {
        width: 44px;
        min-height: 44px;
        padding: 0;
      }
      :host([compact]) span {
        position: absolute;
        width: 1px;
        height: 1px;
        overflow: hidden;
        clip-path: inset(50%);
      }
      .icon {
        width: 20px;
        height: 20px;
      }
    `,
  ];
  static override properties = {
    link: {},
    look: {},
    compact: { type: Boolean, reflect: true },
    outcome: { state: true },
  };

  /** What is copied. */
  declare link: string;
  /** How loud the button is. */
  declare look: 'primary' | 'plain' | 'quiet';
  /** Shows the icon alone. */
  declare compact: boolean;
  private declare outcome: 'copied' | 'refused' | undefined;

  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.link = '';
    this.look = 'plain';
    this.compact = false;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.#timer);
  }

  override render(): TemplateResult {
    return html`<button
      type="button"
      class=${classMap({ button: true, primary: this.look === 'primary', quiet: this.look === 'quiet' })}
      part="button"
      data-testid="copy-link"
      @click=${this.#onClick}
    >
      ${icon(this.outcome === 'copied' ? 'check' : 'link')}<span>${this.texts.copyLink[this.outcome ?? 'copy']}</span>
    </button>`;
  }

  readonly #onClick = async (): Promise<void> => {
    const { copied, failed } = this.texts.copyLink;
    this.outcome = (await copyText(this.link)) ? 'copied' : 'refused';
    const text = this.outcome === 'copied' ? copied : failed(this.link);
    this.tell('oriel-announce', { text, urgency: 'polite' });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.outcome = undefined;
    }, PRAISE);
  };
}
