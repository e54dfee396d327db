import { css } from 'lit';

export const demoStyles = css`
  :host {
    display: block;
    min-height: 100%;
    background: var(--oriel-canvas);
  }
  .page {
    max-width: 1240px;
    margin: 0 auto;
    padding: 24px 20px 60px;
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
    margin-top: 18px;
    font-size: clamp(1.6rem, 4vw, 2.3rem);
    letter-spacing: -0.02em;
    line-height: 1.2;
  }
  .lead {
    margin: 8px 0 22px;
    max-width: 60ch;
    color: var(--oriel-text-soft);
    font-size: 1.05rem;
  }
  .columns {
    display: grid;
    grid-template-columns: minmax(0, 3fr) minmax(0, 2fr);
    gap: 28px;
    align-items: start;
  }
  h2 {
    margin-bottom: 12px;
    font-size: 1.2rem;
  }
  h3 {
    margin: 18px 0 8px;
    font-size: 1rem;
  }
  .settings,
  .tabs {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 8px 16px;
  }
  .tabs {
    gap: 6px;
  }
  .settings {
    margin-bottom: 12px;
  }
  .tabs .button[aria-pressed='true'] {
    border-color: var(--oriel-accent);
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
  }
  label {
    display: inline-flex;
    align-items: center;
    gap: 8px;
    min-height: 44px;
  }
  input[type='color'] {
    width: 44px;
    height: 32px;
    padding: 0;
    border: 1px solid var(--oriel-edge);
    border-radius: 6px;
    background: none;
  }
  input[type='checkbox'] {
    width: 20px;
    height: 20px;
    min-height: 0;
    accent-color: var(--oriel-accent);
  }
  .embedded oriel-room {
    height: 100%;
  }
  .embedded {
    height: 620px;
    overflow: hidden;
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius-large);
  }
  .events,
  pre {
    overflow: auto;
    margin: 0 0 12px;
    padding: 12px 14px;
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius);
    background: var(--oriel-surface);
    font-family: ui-monospace, 'Liberation Mono', monospace;
    font-size: 0.84rem;
    line-height: 1.5;
  }
  .events {
    max-height: 180px;
  }
  .events li {
    overflow-wrap: anywhere;
    text-align: start;
  }
  .events .none {
    color: var(--oriel-text-soft);
    font-family: var(--oriel-font);
  }
  pre {
    margin-top: 12px;
    white-space: pre;
  }
  @media (width < 900px) {
    .columns {
      grid-template-columns: minmax(0, 1fr);
    }
    .embedded {
      height: 560px;
    }
  }
`;
