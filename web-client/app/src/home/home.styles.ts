import { css } from 'lit';

export const homeStyles = css`
  :host {
    display: block;
    min-height: 100dvh;
    background: var(--oriel-canvas);
  }

  .page {
    display: grid;
    grid-template-rows: auto 1fr;
    min-height: 100dvh;
    max-width: 1180px;
    margin: 0 auto;
    padding: calc(20px + env(safe-area-inset-top)) max(24px, env(safe-area-inset-right))
      calc(32px + env(safe-area-inset-bottom)) max(24px, env(safe-area-inset-left));
  }

  .brand {
    display: flex;
    align-items: center;
    gap: 10px;
    font-size: 1.15rem;
    font-weight: 680;
    letter-spacing: -0.01em;
  }

  .columns {
    display: grid;
    grid-template-columns: minmax(0, 1.05fr) minmax(0, 1fr);
    gap: clamp(24px, 6vw, 88px);
    align-items: center;
  }

  h1 {
    font-size: clamp(2.1rem, 4.6vw, 3.4rem);
    font-weight: 700;
    letter-spacing: -0.034em;
    line-height: 1.06;
    text-wrap: balance;
  }
  h1 span {
    display: block;
    color: var(--oriel-accent);
  }
  .lead {
    max-width: 34em;
    margin-top: 18px;
    color: var(--oriel-text-soft);
    font-size: 1.12rem;
    text-wrap: pretty;
  }

  .ways {
    display: flex;
    flex-wrap: wrap;
    gap: 12px;
    margin-top: 30px;
  }
  .ways > .button {
    flex: none;
    padding-inline: 1.4em;
  }
  .ways .button,
  .ways input {
    min-height: 50px;
  }
  form {
    flex: 1 1 270px;
    display: flex;
    gap: 8px;
    max-width: 380px;
  }
  form input {
    flex: 1;
    min-width: 0;
  }
  .complaint {
    min-height: 1.5em;
    margin-top: 8px;
    color: var(--oriel-danger-text);
    font-size: 14px;
  }
  .also {
    color: var(--oriel-text-soft);
  }
  .also a {
    color: var(--oriel-accent);
  }
  .lost {
    width: fit-content;
    margin-bottom: 20px;
    padding: 10px 16px;
    border-radius: var(--oriel-radius);
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }

  .recent {
    max-width: 520px;
    margin-top: 14px;
  }
  h2 {
    margin-bottom: 6px;
    color: var(--oriel-text-soft);
    font-size: 0.95rem;
    font-weight: 600;
  }
  .recent li {
    display: flex;
    align-items: center;
    border-top: 1px solid var(--oriel-line);
  }
  .recent a {
    flex: 1;
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 16px;
    min-width: 0;
    padding: 10px 8px 10px 4px;
    border-radius: 8px;
    color: var(--oriel-text);
    text-decoration: none;
  }
  .recent a:hover .name {
    text-decoration: underline;
    text-underline-offset: 3px;
  }
  .recent .name {
    overflow: hidden;
    font-weight: 550;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .recent .when {
    flex: none;
    color: var(--oriel-text-soft);
    font-size: 13.5px;
  }
  .recent .icon-button {
    color: var(--oriel-text-soft);
  }
  .recent .icon-button .icon {
    width: 18px;
    height: 18px;
  }

  .picture {
    width: 100%;
    max-width: 540px;
    height: auto;
    justify-self: center;
  }

  @media (max-width: 820px) {
    .columns {
      grid-template-columns: minmax(0, 1fr);
      align-content: start;
      gap: 28px;
      padding-top: 28px;
    }
    .picture {
      order: -1;
      max-width: 260px;
      justify-self: start;
    }
    .ways {
      flex-direction: column;
    }
    form {
      flex: none;
      max-width: none;
    }
    .lead {
      font-size: 1.05rem;
    }
  }
`;
