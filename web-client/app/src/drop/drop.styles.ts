import { css } from 'lit';

export const dropStyles = css`
  :host {
    display: block;
    min-height: 100dvh;
    background: var(--oriel-canvas);
  }
  .page {
    max-width: 780px;
    margin: 0 auto;
    padding: calc(20px + env(safe-area-inset-top)) max(20px, env(safe-area-inset-right)) calc(40px + env(safe-area-inset-bottom))
      max(20px, env(safe-area-inset-left));
  }
  .brand {
    display: inline-flex;
    align-items: center;
    gap: 10px;
    border-radius: 8px;
    color: var(--oriel-text);
    font-size: 1.15rem;
    font-weight: 680;
    text-decoration: none;
  }
  h1 {
    margin-top: 28px;
    font-size: clamp(1.8rem, 5vw, 2.5rem);
    font-weight: 700;
    letter-spacing: -0.03em;
    line-height: 1.1;
  }
  .lead {
    margin: 10px 0 24px;
    color: var(--oriel-text-soft);
    font-size: 1.05rem;
    text-wrap: pretty;
  }
  .zone {
    display: grid;
    justify-items: center;
    gap: 14px;
    padding: 34px 18px;
    border: 2px dashed var(--oriel-edge);
    border-radius: var(--oriel-radius-large);
    background: var(--oriel-surface);
    text-align: center;
  }
  .zone.over {
    border-color: var(--oriel-accent);
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
  }
  .zone .actions {
    justify-content: center;
  }
  .zone > .icon {
    width: 40px;
    height: 40px;
    color: var(--oriel-accent);
  }
  .apart {
    margin-top: 16px;
  }
  .row {
    display: flex;
    gap: 8px;
  }
  .row input {
    flex: 1;
    min-width: 0;
  }
  textarea {
    resize: vertical;
  }

  .invitation {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    justify-content: space-between;
    gap: 18px;
  }
  .invitation > div {
    display: grid;
    gap: 10px;
    min-width: 0;
  }
  .code {
    font-size: clamp(1.4rem, 6vw, 2rem);
    font-weight: 700;
    letter-spacing: -0.01em;
    overflow-wrap: anywhere;
  }
  .qr {
    width: 148px;
    height: 148px;
    border-radius: 8px;
  }

  .badge {
    padding: 2px 10px;
    border-radius: var(--oriel-radius-round);
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
    font-size: 0.85em;
    font-weight: 600;
  }
  .badge.relayed {
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }
  .said {
    max-height: 40vh;
    overflow: auto;
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }

  @media (max-width: 520px) {
    .row {
      flex-direction: column;
    }
  }
`;
