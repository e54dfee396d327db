import { css } from 'lit';

export const callStyles = css`
  :host {
    display: block;
    height: 100%;
    min-height: 0;
  }

  .call {
    position: relative;
    display: grid;
    grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr) auto;
    height: 100%;
    overflow: hidden;
    background: var(--oriel-canvas);
  }

  .top {
    grid-column: 1 / -1;
    display: flex;
    align-items: center;
    gap: 12px;
    min-height: 56px;
    padding: calc(6px + env(safe-area-inset-top)) max(16px, env(safe-area-inset-right)) 6px
      max(16px, env(safe-area-inset-left));
  }
  h1 {
    overflow: hidden;
    min-width: 0;
    font-size: 1.02rem;
    font-weight: 640;
    letter-spacing: -0.01em;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .tools {
    flex: none;
    display: flex;
    align-items: center;
    gap: 8px;
    margin-inline-start: auto;
  }

  .stage {
    position: relative;
    display: grid;
    grid-template-rows: auto minmax(0, 1fr);
    min-height: 0;
    padding: 2px max(14px, env(safe-area-inset-right)) 0 max(14px, env(safe-area-inset-left));
  }
  .stage > oriel-grid {
    grid-row: 2;
  }

  .notices {
    display: grid;
    justify-items: center;
    gap: 8px;
  }
  .notice {
    display: flex;
    align-items: center;
    gap: 12px;
    width: fit-content;
    max-width: 100%;
    margin-bottom: 10px;
    padding-block: 8px;
    padding-inline: 16px 10px;
    border-radius: var(--oriel-radius-large);
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
    font-size: 14px;
  }
  .notice > .icon {
    width: 20px;
    height: 20px;
  }
  .notice p {
    padding: 4px 0;
  }
  .notice.calm {
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
  }
  .notice .button {
    flex: none;
    min-height: 36px;
    font-size: 14px;
  }
  .notice .icon-button {
    flex: none;
    color: inherit;
  }
  .spinner {
    flex: none;
    width: 18px;
    height: 18px;
    margin-inline-end: 4px;
    border: 2.5px solid currentcolor;
    border-right-color: transparent;
    border-radius: 50%;
  }
  @media (prefers-reduced-motion: no-preference) {
    .spinner {
      animation: turn 900ms linear infinite;
    }
    @keyframes turn {
      to {
        transform: rotate(1turn);
      }
    }
  }

  .invite {
    display: block;
  }
  .panel {
    grid-column: 2;
    grid-row: 2;
    display: flex;
    width: clamp(300px, 26vw, 380px);
    min-height: 0;
    margin-block: 2px 0;
    margin-inline: 0 max(14px, env(safe-area-inset-right), env(safe-area-inset-left));
    overflow: hidden;
    border: 1px solid var(--oriel-line);
    border-radius: 20px;
    background: var(--oriel-surface);
  }
  .panel > * {
    flex: 1;
    min-width: 0;
  }

  oriel-controls {
    grid-column: 1 / -1;
    padding: 12px max(16px, env(safe-area-inset-right)) calc(14px + env(safe-area-inset-bottom))
      max(16px, env(safe-area-inset-left));
  }

  .alone {
    position: absolute;
    inset-inline-start: 28px;
    bottom: 52px;
    z-index: 2;
    width: min(340px, calc(100% - 56px));
    display: grid;
    gap: 12px;
    padding: 16px 18px 18px;
    border: 1px solid var(--oriel-line);
    border-radius: 20px;
    background: var(--oriel-raised);
    box-shadow: var(--oriel-shadow);
  }
  .alone header {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 8px;
  }
  .alone h2 {
    font-size: 1.02rem;
    font-weight: 650;
  }
  .alone .icon-button {
    margin-block: -8px;
    margin-inline: 0 -10px;
  }
  .alone p {
    color: var(--oriel-text-soft);
    font-size: 14px;
  }
  .alone .address {
    padding: 8px 12px;
    border-radius: 10px;
    background: color-mix(in oklab, var(--oriel-text) 7%, transparent);
    color: var(--oriel-text);
    overflow-wrap: anywhere;
  }

  .toast {
    position: absolute;
    inset-inline-end: 24px;
    bottom: 14px;
    z-index: 2;
    display: flex;
    align-items: center;
    gap: 10px;
    max-width: min(360px, calc(100% - 48px));
    padding: 10px 16px;
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius-large);
    background: var(--oriel-raised);
    color: var(--oriel-text);
    box-shadow: var(--oriel-shadow);
    font: inherit;
    font-size: 14px;
    text-align: start;
    cursor: pointer;
  }
  .toast .icon {
    width: 20px;
    height: 20px;
    color: var(--oriel-accent);
  }
  .toast span {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }

  .talking {
    position: absolute;
    left: 50%;
    bottom: 14px;
    z-index: 2;
    display: flex;
    align-items: center;
    gap: 8px;
    padding-block: 8px;
    padding-inline: 14px 18px;
    border-radius: var(--oriel-radius-round);
    background: var(--oriel-accent);
    color: var(--oriel-on-accent);
    font-weight: 600;
    transform: translateX(-50%);
  }

  /* On a phone a panel is a page of its own, and every pixel of height is a picture's. */
  .narrow .top {
    min-height: 52px;
    gap: 8px;
    padding-block: calc(2px + env(safe-area-inset-top)) 2px;
  }
  .narrow .stage {
    padding-inline: max(8px, env(safe-area-inset-left)) max(8px, env(safe-area-inset-right));
  }
  .narrow .panel {
    /* A cell would be the box that it fills. */
    grid-area: auto;
    position: absolute;
    inset: 0;
    z-index: 3;
    width: auto;
    margin: 0;
    padding-top: env(safe-area-inset-top);
    border: 0;
    border-radius: 0;
  }
  .narrow oriel-controls {
    padding: 10px max(8px, env(safe-area-inset-right)) calc(10px + env(safe-area-inset-bottom))
      max(8px, env(safe-area-inset-left));
  }
  .narrow .alone {
    inset-inline: 16px;
    bottom: 8px;
    width: auto;
  }
  .narrow .notice {
    width: 100%;
  }
  .narrow .notice p {
    flex: 1;
  }

  @media (max-height: 480px) {
    .top {
      min-height: 0;
      padding-block: 2px;
    }
    .alone {
      display: none;
    }
    .call:not(.narrow) .top {
      padding-top: env(safe-area-inset-top);
    }
    oriel-controls,
    .narrow oriel-controls {
      padding-block: 6px calc(6px + env(safe-area-inset-bottom));
    }
  }

  @media (forced-colors: active) {
    .notice,
    .talking {
      border: 1px solid CanvasText;
    }
  }
`;
