import { css, html, type TemplateResult } from 'lit';
import { DialogElement } from '../element/dialog-element.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { dialogStyles } from '../styles/dialog.styles.ts';

/** The keyboard shortcuts, as a dialog. */
export class HelpElement extends DialogElement {
  static override styles = [
    baseStyles,
    buttonStyles,
    dialogStyles,
    css`
      dl {
        display: grid;
        gap: 2px;
      }
      .line {
        display: flex;
        align-items: center;
        justify-content: space-between;
        gap: 16px;
        min-height: 42px;
      }
      .line + .line {
        border-top: 1px solid var(--oriel-line);
      }
      dt {
        order: 1;
      }
      kbd {
        display: inline-block;
        min-width: 2em;
        padding: 2px 8px;
        border: 1px solid var(--oriel-edge);
        border-bottom-width: 2px;
        border-radius: 7px;
        background: var(--oriel-surface);
        font: inherit;
        font-size: 13px;
        font-weight: 600;
        text-align: center;
      }
    `,
  ];

  protected override heading(): string {
    return this.texts.controls.help;
  }

  protected override body(): TemplateResult {
    return html`<dl>
      ${this.texts.help.map(
        ([keys, words]) =>
          html`<div class="line">
            <dt><kbd>${keys}</kbd></dt>
            <dd>${words}</dd>
          </div>`,
      )}
    </dl>`;
  }
}
