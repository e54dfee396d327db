import { css } from 'lit';

export const controlsStyles = css`
  :host {
    display: block;
    container: controls / inline-size;
  }

  .bar {
    display: grid;
    grid-template-columns: 1fr auto 1fr;
    align-items: center;
    gap: 12px;
  }
  .middle,
  .end {
    display: flex;
    align-items: center;
    gap: 8px;
  }
  .middle {
    grid-column: 2;
  }
  .end {
    justify-content: flex-end;
  }

  .control {
    position: relative;
    display: grid;
    justify-items: center;
    align-content: center;
    gap: 2px;
    min-width: 78px;
    height: 58px;
    padding: 0 8px;
    border: 1px solid transparent;
    border-radius: var(--oriel-radius-large);
    background: transparent;
    color: var(--oriel-text);
    font: inherit;
    font-size: 12px;
    font-weight: 500;
    cursor: pointer;
    transition: background-color var(--oriel-quick);
  }
  .middle .control {
    border-color: var(--oriel-line);
    background: var(--oriel-surface);
  }
  .control .icon {
    width: 23px;
    height: 23px;
  }
  .control:hover {
    background: color-mix(in oklab, var(--oriel-text) 8%, var(--oriel-surface));
  }
  .middle .control.off {
    border-color: transparent;
    background: var(--oriel-danger-soft);
    color: var(--oriel-on-danger-soft);
  }
  .middle .control.off:hover {
    background: color-mix(in oklab, var(--oriel-danger) 14%, var(--oriel-danger-soft));
  }
  .control.open,
  .middle .control.active {
    border-color: transparent;
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
  }
  .control:disabled {
    opacity: 0.5;
    cursor: default;
  }
  .middle .control.leave {
    border-color: transparent;
    background: var(--oriel-danger);
    color: var(--oriel-on-danger);
  }
  .middle .control.leave:hover {
    background: var(--oriel-danger-strong);
  }

  .badge {
    position: absolute;
    top: 3px;
    inset-inline-start: calc(50% + 6px);
    min-width: 18px;
    padding: 0 5px;
    border-radius: var(--oriel-radius-round);
    background: var(--oriel-accent);
    color: var(--oriel-on-accent);
    font-size: 11px;
    font-weight: 700;
    line-height: 18px;
    text-align: center;
    font-variant-numeric: tabular-nums;
  }
  .badge.count {
    background: var(--oriel-text-soft);
    color: var(--oriel-canvas);
  }

  .menu {
    inset-inline-end: max(14px, env(safe-area-inset-right), env(safe-area-inset-left));
    bottom: calc(88px + env(safe-area-inset-bottom));
  }
  .menu .in-menu {
    display: none;
  }

  /* One hand, one row: round buttons without words, sharing goes into the menu. */
  @container controls (max-width: 780px) {
    .bar {
      display: flex;
      justify-content: center;
      gap: 8px;
    }
    .control,
    .middle .control {
      min-width: 0;
      width: 48px;
      height: 48px;
      padding: 0;
      border-radius: 50%;
    }
    .end .control {
      border-color: var(--oriel-line);
      background: var(--oriel-surface);
    }
    .end .control.open {
      background: var(--oriel-accent-soft);
    }
    .control .words {
      display: none;
    }
    .badge {
      top: -3px;
      inset-inline-start: 30px;
    }
  }
  @container controls (max-width: 420px) {
    .control.share,
    .control.hand {
      display: none;
    }
    .menu .in-menu {
      display: flex;
    }
    .middle,
    .end,
    .bar {
      gap: clamp(4px, 2.2cqw, 10px);
    }
    /* Leaving is at the outer edge, away from the rest. */
    .middle {
      display: contents;
    }
    .end {
      display: contents;
    }
    .middle .control.leave {
      order: 1;
      width: 60px;
      border-radius: 24px;
    }
  }

  /* A phone on its side: height is what is missing. */
  @media (max-height: 480px) {
    .control,
    .middle .control {
      min-width: 64px;
      height: 44px;
    }
    .control .words {
      display: none;
    }
  }

  @media (forced-colors: active) {
    .control,
    .middle .control {
      border-color: ButtonText;
    }
    .control[aria-pressed='true'],
    .control.open {
      border-color: Highlight;
      outline: 2px solid Highlight;
    }
  }
`;
