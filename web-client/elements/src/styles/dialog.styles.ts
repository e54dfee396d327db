/** Dialogs: in the middle of the room, from below on a phone. */
import { css } from 'lit';

export const dialogStyles = css`
  dialog {
    width: min(440px, calc(100vw - 32px));
    max-height: calc(100dvh - 48px);
    margin: auto;
    padding: 0;
    overflow: auto;
    border: 1px solid var(--oriel-line);
    border-radius: 22px;
    background: var(--oriel-raised);
    color: var(--oriel-text);
    box-shadow: var(--oriel-shadow);
  }
  dialog::backdrop {
    background: rgb(6 12 10 / 48%);
  }
  dialog header {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 12px;
    padding-block: 16px 4px;
    padding-inline: 22px 14px;
  }
  dialog h2 {
    font-size: 1.2rem;
    font-weight: 650;
    letter-spacing: -0.015em;
  }
  dialog .body {
    padding: 10px 22px 24px;
  }

  @media (max-width: 520px) {
    dialog {
      width: 100vw;
      max-width: none;
      margin: auto 0 0;
      border-radius: 22px 22px 0 0;
    }
    dialog .body {
      padding-bottom: calc(24px + env(safe-area-inset-bottom));
    }
  }
`;
