/** What every element starts from: box model, font, theme, focus ring, icons, hidden text. */
import { css } from 'lit';

export const baseStyles = css`
  :host {
    box-sizing: border-box;
    color: var(--oriel-text);
    font-family: var(--oriel-font);
    font-size: var(--oriel-font-size);
    line-height: 1.45;
    -webkit-tap-highlight-color: transparent;
  }

  /* An element follows the color-scheme around it unless it is told otherwise. */
  :host([data-theme='light']) {
    color-scheme: light;
  }
  :host([data-theme='dark']) {
    color-scheme: dark;
  }

  :host([hidden]),
  [hidden] {
    display: none !important;
  }

  *,
  *::before,
  *::after {
    box-sizing: inherit;
  }

  h1,
  h2,
  h3,
  p,
  ol,
  ul,
  dl,
  dd {
    margin: 0;
    padding: 0;
  }

  ol,
  ul {
    list-style: none;
  }

  :focus {
    outline: none;
  }
  :focus-visible:where(:not([tabindex='-1'])) {
    outline: 3px solid var(--oriel-focus);
    outline-offset: 2px;
  }

  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    margin: -1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  .icon {
    flex: none;
    width: 1.5em;
    height: 1.5em;
    fill: none;
    stroke: currentcolor;
    stroke-width: 1.75;
    stroke-linecap: round;
    stroke-linejoin: round;
  }
  .pointing:dir(rtl) {
    scale: -1 1;
  }
  .icon .filled {
    fill: currentcolor;
  }
  .icon .solid {
    fill: currentcolor;
    stroke: none;
  }

  .mark {
    flex: none;
    width: 1.75em;
    height: 1.75em;
  }
  .mark-frame {
    fill: var(--oriel-accent);
  }
  .mark-light {
    fill: var(--oriel-canvas);
  }
`;
