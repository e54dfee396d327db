/** Menus: a column of buttons that floats above everything. Where it stands, its owner says. */
import { css } from 'lit';

export const menuStyles = css`
  .menu {
    inset: auto;
    margin: 0;
    padding: 6px;
    min-width: 240px;
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius-large);
    background: var(--oriel-raised);
    color: var(--oriel-text);
    box-shadow: var(--oriel-shadow);
    position: fixed;
  }
  .menu button {
    display: flex;
    align-items: center;
    gap: 12px;
    width: 100%;
    min-height: 44px;
    padding: 0 12px;
    border: 0;
    border-radius: 10px;
    background: transparent;
    color: inherit;
    font: inherit;
    text-align: start;
    cursor: pointer;
  }
  .menu button:hover,
  .menu button:focus-visible {
    background: color-mix(in oklab, var(--oriel-text) 9%, transparent);
  }
  .menu .icon {
    width: 20px;
    height: 20px;
    color: var(--oriel-text-soft);
  }
  .menu kbd {
    margin-inline-start: auto;
    color: var(--oriel-text-soft);
    font: inherit;
    font-size: 12px;
  }
  .menu .grave,
  .menu .grave .icon {
    color: var(--oriel-danger-text);
  }
`;
