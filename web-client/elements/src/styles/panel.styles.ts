/** A side panel: a heading with a close button, and what scrolls below. */
import { css } from 'lit';

export const panelStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    min-height: 0;
    background: var(--oriel-surface);
  }

  header {
    flex: none;
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
    padding-block: 12px 8px;
    padding-inline: 18px 10px;
  }
  h2 {
    font-size: 1.1rem;
    font-weight: 650;
    letter-spacing: -0.01em;
  }
  h2 .count {
    margin-inline-start: 0.25em;
    color: var(--oriel-text-soft);
    font-weight: 500;
  }

  .scroll {
    flex: 1;
    min-height: 0;
    overflow-y: auto;
    overscroll-behavior: contain;
    scrollbar-width: thin;
  }

  .empty {
    display: grid;
    place-items: center;
    align-content: center;
    gap: 6px;
    height: 100%;
    padding: 24px;
    color: var(--oriel-text-soft);
    text-align: center;
  }
  .empty .icon {
    width: 32px;
    height: 32px;
  }
`;
