import { css, html, type TemplateResult } from 'lit';
import { DialogElement } from '../element/dialog-element.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { dialogStyles } from '../styles/dialog.styles.ts';

/** What is asked before something that cannot be undone. */
export interface Question {
  readonly heading: string;
  readonly words: string;
  /** What the button that does it is called. */
  readonly yes: string;
  readonly act: () => void;
}

/** Asks before something that cannot be undone, as a dialog. */
export class ConfirmElement extends DialogElement {
  static override styles = [
    baseStyles,
    buttonStyles,
    dialogStyles,
    css`
      .ways {
        display: flex;
        flex-wrap: wrap;
        justify-content: flex-end;
        gap: 10px;
        margin-top: 20px;
      }
      p {
        color: var(--oriel-text-soft);
      }
    `,
  ];
  static override properties = { ...DialogElement.properties, question: { state: true } };

  private declare question: Question | undefined;

  /** Asks. Nothing happens unless the button that says so is pressed. */
  ask(question: Question): void {
    this.question = question;
    this.show();
  }

  protected override heading(): string {
    return this.question?.heading ?? '';
  }

  protected override body(): TemplateResult {
    const { question } = this;
    const yes = () => {
      this.close();
      question?.act();
    };
    return html`
      <p>${question?.words}</p>
      <div class="ways">
        <button type="button" class="button" part="button" @click=${() => this.close()}>${this.texts.cancel}</button>
        <button type="button" class="button danger" part="button" data-testid="confirm" @click=${yes}>
          ${question?.yes}
        </button>
      </div>
    `;
  }
}
