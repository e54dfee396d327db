import { css } from 'lit';

export const cursorsStyles = css`
  :host {
    display: block;
    height: 100%;
    background: var(--oriel-canvas);
  }

  .page {
    display: grid;
    grid-template-rows: auto minmax(0, 1fr) auto;
    gap: 14px;
    max-width: 1180px;
    height: 100%;
    margin: 0 auto;
    padding: calc(16px + env(safe-area-inset-top)) max(20px, env(safe-area-inset-right))
      calc(16px + env(safe-area-inset-bottom)) max(20px, env(safe-area-inset-left));
  }

  header {
    display: flex;
    gap: 8px 16px;
    align-items: center;
  }
  .brand {
    display: flex;
    gap: 10px;
    align-items: center;
    border-radius: 8px;
    color: var(--oriel-text);
    font-weight: 680;
    text-decoration: none;
  }
  h1 {
    font-size: 1.15rem;
    font-weight: 500;
    color: var(--oriel-text-soft);
  }
  .state {
    margin-inline-start: auto;
    padding: 4px 12px;
    border-radius: var(--oriel-radius-round);
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
    font-size: 14px;
  }
  .state[data-open] {
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
  }

  /* Places are shares of it, which is why it is a container: pointers move without a new layout. */
  .board {
    position: relative;
    overflow: hidden;
    container-type: size;
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius-large);
    background:
      radial-gradient(circle, var(--oriel-line) 1.2px, transparent 1.3px) 0 0 / 28px 28px,
      var(--oriel-surface);
    cursor: crosshair;
    touch-action: none;
    user-select: none;
    -webkit-user-select: none;
  }
  .hint {
    max-width: 46ch;
    margin: 8vh auto 0;
    padding: 0 20px;
    color: var(--oriel-text-soft);
    text-align: center;
    text-wrap: balance;
  }
  .complaint {
    color: var(--oriel-danger-text);
  }

  .pointer {
    position: absolute;
    inset: 0 auto auto 0;
    translate: calc(var(--x) * 100cqw) calc(var(--y) * 100cqh);
    transition: translate 50ms linear;
    pointer-events: none;
  }
  .pointer svg {
    display: block;
    width: 18px;
    height: 24px;
    margin: -1px;
    fill: light-dark(oklch(52% 0.15 var(--hue)), oklch(76% 0.13 var(--hue)));
    stroke: var(--oriel-surface);
    stroke-width: 1.5;
    stroke-linejoin: round;
  }
  .pointer span {
    position: absolute;
    top: 20px;
    left: 14px;
    max-width: min(14em, 42cqw);
    overflow: hidden;
    padding: 1px 9px;
    border-radius: var(--oriel-radius-round);
    background: light-dark(oklch(46% 0.12 var(--hue)), oklch(80% 0.1 var(--hue)));
    color: light-dark(#ffffff, #0c1211);
    font-size: 13px;
    font-weight: 600;
    line-height: 1.5;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .pointer.flipped span {
    right: -2px;
    left: auto;
  }

  footer {
    display: flex;
    flex-wrap: wrap;
    gap: 12px 24px;
    align-items: center;
    justify-content: space-between;
  }
  dl {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 28px;
    margin: 0;
  }
  dt {
    color: var(--oriel-text-soft);
    font-size: 12.5px;
  }
  dd {
    min-width: 5.2em;
    font-size: 1.15rem;
    font-weight: 650;
    font-variant-numeric: tabular-nums;
    letter-spacing: -0.01em;
    white-space: nowrap;
  }
  nav {
    display: flex;
    padding: 3px;
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius);
    background: var(--oriel-surface);
  }
  .way {
    display: flex;
    align-items: center;
    min-height: 40px;
    padding: 0 12px;
    border-radius: calc(var(--oriel-radius) - 3px);
    color: var(--oriel-text-soft);
    font-size: 14px;
    font-weight: 600;
    text-decoration: none;
    white-space: nowrap;
  }
  .way:hover {
    color: var(--oriel-text);
  }
  .way[aria-current='page'] {
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
  }

  @media (prefers-reduced-motion: reduce) {
    .pointer {
      transition: none;
    }
  }

  @media (width < 640px) {
    .page {
      gap: 10px;
      padding-inline: max(12px, env(safe-area-inset-left)) max(12px, env(safe-area-inset-right));
    }
    footer,
    nav {
      width: 100%;
    }
    dl {
      display: grid;
      grid-template-columns: repeat(2, minmax(0, 1fr));
      width: 100%;
    }
    .way {
      flex: 1;
      justify-content: center;
      min-height: 44px;
      padding: 0 4px;
      font-size: 13px;
    }
  }
`;
