import { css } from 'lit';

export const prejoinStyles = css`
  :host {
    display: block;
    container: prejoin / inline-size;
  }

  .columns {
    display: grid;
    grid-template-columns: minmax(0, 1.55fr) minmax(300px, 1fr);
    gap: clamp(20px, 4cqw, 56px);
    align-items: center;
    max-width: 1080px;
    margin: 0 auto;
  }

  .preview {
    position: relative;
    overflow: hidden;
    aspect-ratio: 16 / 10;
    border-radius: 24px;
    background: light-dark(#1b2422, #1a2120);
    color: #ffffff;
    box-shadow: var(--oriel-shadow);
  }
  video {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    object-fit: cover;
    transform: scaleX(-1);
  }
  .nothing {
    position: absolute;
    inset: 0 0 72px;
    display: grid;
    place-items: center;
    align-content: center;
    gap: 14px;
    padding: 16px;
    text-align: center;
  }
  .avatar {
    display: grid;
    place-items: center;
    width: 104px;
    height: 104px;
    border-radius: 50%;
    background: light-dark(#3a4a46, #33403d);
    font-size: 38px;
    font-weight: 600;
  }
  .avatar .icon {
    width: 44px;
    height: 44px;
  }

  .switches {
    position: absolute;
    inset: auto 0 0;
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 14px;
    padding: 28px 16px 16px;
    background: linear-gradient(transparent, rgb(0 0 0 / 45%));
  }
  .switch {
    display: grid;
    place-items: center;
    width: 54px;
    height: 54px;
    padding: 0;
    border: 1.5px solid rgb(255 255 255 / 75%);
    border-radius: 50%;
    background: rgb(12 18 16 / 45%);
    color: #ffffff;
    cursor: pointer;
    transition: background-color var(--oriel-quick);
  }
  .switch:hover {
    background: rgb(40 52 48 / 70%);
  }
  .switch .icon {
    width: 25px;
    height: 25px;
  }
  .switch.off {
    border-color: transparent;
    background: #c22b33;
  }
  .switch.off:hover {
    background: #a8222a;
  }
  .switch:focus-visible {
    outline-color: #ffffff;
  }
  .meter {
    position: absolute;
    inset-inline-start: 18px;
    bottom: 30px;
    --oriel-level: #6ff0d2;
  }

  .join {
    display: grid;
    gap: 18px;
  }
  h1 {
    font-size: clamp(1.5rem, 3.4cqw, 2rem);
    font-weight: 680;
    letter-spacing: -0.022em;
    line-height: 1.15;
  }
  .where {
    margin-top: 6px;
    color: var(--oriel-text-soft);
    overflow-wrap: anywhere;
  }
  .where strong {
    color: var(--oriel-text);
    font-weight: 600;
  }
  form {
    display: grid;
    gap: 14px;
  }
  .join-button {
    min-height: 50px;
    font-size: 1.05rem;
  }
  .complaint {
    color: var(--oriel-danger-text);
    font-size: 13px;
  }

  .troubles {
    display: grid;
    gap: 10px;
  }
  .trouble {
    display: flex;
    gap: 10px;
    padding: 12px 14px;
    border-radius: var(--oriel-radius);
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
    font-size: 14px;
  }
  .trouble .icon {
    width: 20px;
    height: 20px;
    margin-top: 1px;
  }
  .trouble strong {
    display: block;
    font-weight: 650;
  }
  .trouble button {
    margin-top: 6px;
    padding: 0;
    border: 0;
    background: none;
    color: inherit;
    font: inherit;
    font-weight: 650;
    text-decoration: underline;
    text-underline-offset: 2px;
    cursor: pointer;
  }

  details {
    border-top: 1px solid var(--oriel-line);
    padding-top: 14px;
  }
  summary {
    display: flex;
    align-items: center;
    gap: 8px;
    min-height: 32px;
    border-radius: 6px;
    color: var(--oriel-text-soft);
    font-weight: 600;
    cursor: pointer;
    list-style: none;
  }
  summary::-webkit-details-marker {
    display: none;
  }
  summary .icon {
    width: 20px;
    height: 20px;
  }
  summary .turned {
    margin-inline-start: auto;
    transform: rotate(90deg);
    transition: transform var(--oriel-quick);
  }
  /* It points down, in every language. */
  summary .turned .icon {
    scale: none;
  }
  details[open] summary .turned {
    transform: rotate(-90deg);
  }
  oriel-devices {
    margin-top: 12px;
  }

  @container prejoin (max-width: 760px) {
    .columns {
      grid-template-columns: minmax(0, 1fr);
      max-width: 520px;
      align-items: start;
    }
    .preview {
      aspect-ratio: 4 / 3;
      max-height: 44dvh;
      width: 100%;
      border-radius: 20px;
    }
  }
  @media (pointer: coarse) {
    summary {
      min-height: 44px;
    }
    .trouble button {
      min-height: 44px;
    }
  }
  @media (forced-colors: active) {
    .preview,
    .trouble,
    .switch,
    .avatar {
      border: 1px solid CanvasText;
    }
    .switch[aria-pressed='true'] {
      border: 3px solid Highlight;
    }
  }
`;
