/** Buttons: `.button` with words, `.icon-button` without. `.primary`, `.danger` and `.quiet` say how loud. */
import { css } from 'lit';

export const buttonStyles = css`
  .button,
  .icon-button {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 0.5em;
    min-height: 40px;
    margin: 0;
    border: 1px solid var(--oriel-edge);
    border-radius: var(--oriel-radius);
    background: var(--oriel-surface);
    color: var(--oriel-text);
    font: inherit;
    font-weight: 600;
    text-decoration: none;
    cursor: pointer;
    transition:
      background-color var(--oriel-quick),
      border-color var(--oriel-quick);
  }
  .button {
    padding: 0.4em 1.1em;
  }
  .icon-button {
    width: 40px;
    padding: 0;
    border-color: transparent;
    background: transparent;
  }

  .button:hover,
  .icon-button:hover {
    background: color-mix(in oklab, var(--oriel-text) 8%, var(--oriel-surface));
  }
  .icon-button:hover {
    background: color-mix(in oklab, var(--oriel-text) 9%, transparent);
  }

  .button.primary {
    border-color: transparent;
    background: var(--oriel-accent);
    color: var(--oriel-on-accent);
  }
  .button.primary:hover {
    background: var(--oriel-accent-strong);
  }
  .button.danger {
    border-color: transparent;
    background: var(--oriel-danger);
    color: var(--oriel-on-danger);
  }
  .button.danger:hover {
    background: var(--oriel-danger-strong);
  }
  .button.quiet {
    border-color: transparent;
    background: transparent;
    color: var(--oriel-text);
  }
  .button.quiet:hover {
    background: color-mix(in oklab, var(--oriel-text) 9%, transparent);
  }

  .button:disabled,
  .icon-button:disabled {
    opacity: 0.55;
    cursor: default;
  }

  @media (pointer: coarse) {
    .button,
    .icon-button {
      min-height: 44px;
    }
    .icon-button {
      width: 44px;
    }
  }

  @media (forced-colors: active) {
    .button,
    .icon-button {
      border-color: ButtonText;
    }
  }
`;
