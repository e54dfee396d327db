/** What the dialogs share: they open on top of everything, and give the focus back when they close. */
import { html, type TemplateResult } from 'lit';
import { icon } from '../icons/icon.ts';
import { RoomPart } from './room-part.ts';

/** An element that is a `<dialog>` and nothing beside it. */
export abstract class DialogElement extends RoomPart {
  static override properties = { ...RoomPart.properties, open: { state: true } };

  /** Whether it is open: what is inside draws nothing before. */
  protected declare open: boolean;

  constructor() {
    super();
    this.open = false;
  }

  /** Opens it. The browser moves the focus inside, and back to where it was when it closes. */
  show(): void {
    if (this.open) return;
    this.open = true;
    void this.updateComplete.then(() => this.#dialog()?.showModal());
  }

  /** Closes it. */
  close(): void {
    this.#dialog()?.close();
  }

  /** The heading. */
  protected abstract heading(): string;
  /** What stands below the heading. */
  protected abstract body(): TemplateResult;

  override render(): TemplateResult {
    if (!this.open) return html``;
    return html`<dialog part="dialog" aria-labelledby="heading" @close=${this.#onClose} @click=${this.#onClick}>
      <header>
        <h2 id="heading">${this.heading()}</h2>
        <button type="button" class="icon-button" part="button" aria-label=${this.texts.close} @click=${() => this.close()}>
          ${icon('close')}
        </button>
      </header>
      <div class="body">${this.body()}</div>
    </dialog>`;
  }

  #dialog(): HTMLDialogElement | null {
    return this.renderRoot.querySelector('dialog');
  }

  readonly #onClose = (): void => {
    this.open = false;
  };

  readonly #onClick = (event: Event): void => {
    // A press on the dialog itself is one on its backdrop: all of its area belongs to what is inside.
    if (event.target === this.#dialog()) this.close();
  };
}
