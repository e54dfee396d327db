import { css } from 'lit';

export const tileStyles = css`
  :host {
    display: block;
    position: relative;
    min-width: 0;
    min-height: 0;
    container: tile / size;
  }

  .frame {
    position: absolute;
    inset: 0;
    overflow: hidden;
    border-radius: var(--oriel-radius-large);
    background: light-dark(oklch(90% 0.028 var(--hue)), oklch(26% 0.024 var(--hue)));
  }
  .frame.screen {
    background: var(--oriel-sunken);
  }

  video {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    object-fit: cover;
    transition:
      opacity var(--oriel-quick),
      filter var(--oriel-quick);
  }
  video.mirrored {
    transform: scaleX(-1);
  }
  video.dark {
    opacity: 0;
  }
  .screen video {
    object-fit: contain;
  }
  /* A phone's upright picture in a wide tile would lose the face. */
  @container tile (min-aspect-ratio: 1/1) {
    video.upright {
      object-fit: contain;
    }
  }
  :host([data-stale]) video {
    opacity: 0.45;
    filter: grayscale(0.6);
    /* Most interruptions are over before anybody needs to see them. */
    transition-delay: 1.5s;
  }

  .avatar {
    position: absolute;
    inset: 0;
    margin: auto;
    display: grid;
    place-items: center;
    width: min(42cqmin, 128px);
    height: min(42cqmin, 128px);
    border-radius: 50%;
    background: light-dark(oklch(46% 0.09 var(--hue)), oklch(42% 0.08 var(--hue)));
    color: #ffffff;
    font-size: min(16cqmin, 48px);
    font-weight: 600;
    letter-spacing: 0.02em;
  }
  .avatar .icon {
    width: 1.4em;
    height: 1.4em;
  }

  .ring {
    position: absolute;
    inset: 0;
    border-radius: inherit;
    pointer-events: none;
    box-shadow: inset 0 0 0 1px rgb(0 0 0 / 6%);
  }
  :host([data-speaking='true']) .ring {
    outline: 3px solid var(--oriel-speaking);
    outline-offset: -3px;
    box-shadow: inset 0 0 0 5px rgb(0 0 0 / 35%);
  }

  .caption {
    position: absolute;
    inset-inline-start: 8px;
    bottom: 8px;
    max-width: calc(100% - 16px);
    display: flex;
    align-items: center;
    gap: 6px;
    min-height: 28px;
    padding: 3px 10px;
    border-radius: 9px;
    background: var(--oriel-scrim);
    color: var(--oriel-on-scrim);
    font-size: 13px;
    font-weight: 500;
  }
  .caption .name {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .caption .icon {
    width: 16px;
    height: 16px;
    margin-inline-start: -2px;
  }
  .caption .muted {
    display: flex;
    color: #ffb4b0;
  }

  .caption .hand {
    display: flex;
    margin-block: -3px;
    margin-inline: -10px 0;
    padding-block: 5px;
    padding-inline: 9px 7px;
    border-radius: 9px;
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }

  /* Three bars instead of a microphone: speaking is not told by colour alone. */
  .bars {
    flex: none;
    display: flex;
    align-items: center;
    gap: 2px;
    height: 14px;
    margin-inline-start: -1px;
  }
  .bars i {
    width: 3px;
    height: 55%;
    border-radius: 2px;
    background: #6ff0d2;
  }
  .bars i:nth-child(2) {
    height: 100%;
  }
  @media (prefers-reduced-motion: no-preference) {
    .bars i {
      animation: talk 900ms ease-in-out infinite alternate;
    }
    .bars i:nth-child(2) {
      animation-delay: -450ms;
    }
    .bars i:nth-child(3) {
      animation-delay: -200ms;
    }
    @keyframes talk {
      from {
        transform: scaleY(0.45);
      }
      to {
        transform: scaleY(1);
      }
    }
  }

  .pin {
    position: absolute;
    top: 8px;
    inset-inline-end: 8px;
    display: grid;
    place-items: center;
    width: 36px;
    height: 36px;
    padding: 0;
    border: 0;
    border-radius: 10px;
    background: var(--oriel-scrim);
    color: var(--oriel-on-scrim);
    font-size: 13px;
    cursor: pointer;
    opacity: 0;
    transition: opacity var(--oriel-quick);
  }
  :host(:hover) .pin,
  .pin:focus-visible,
  .pin[aria-pressed='true'] {
    opacity: 1;
  }
  @media (pointer: coarse) {
    .pin {
      width: 32px;
      height: 32px;
      opacity: 0.85;
    }
    /* A finger needs more room than the picture has. */
    .pin::before {
      content: '';
      position: absolute;
      inset: -6px;
    }
  }

  @container tile (max-width: 170px) {
    .caption {
      inset-inline-start: 4px;
      bottom: 4px;
      max-width: calc(100% - 8px);
      min-height: 22px;
      padding: 1px 7px;
      font-size: 12px;
    }
  }

  @media (forced-colors: active) {
    .frame {
      border: 1px solid CanvasText;
    }
    .avatar,
    .caption,
    .pin {
      border: 1px solid CanvasText;
      background: Canvas;
      color: CanvasText;
    }
    .bars i {
      background: Highlight;
    }
    .caption .muted {
      color: CanvasText;
    }
  }
`;
