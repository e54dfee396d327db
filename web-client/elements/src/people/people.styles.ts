import { css } from 'lit';

export const peopleStyles = css`
  .search {
    flex: none;
    position: relative;
    margin: 2px 14px 8px;
  }
  .search .icon {
    position: absolute;
    inset-inline-start: 12px;
    top: calc(50% - 10px);
    width: 20px;
    height: 20px;
    color: var(--oriel-text-soft);
    pointer-events: none;
  }
  .search input {
    padding-inline-start: 40px;
  }

  ul {
    padding: 0 10px calc(14px + env(safe-area-inset-bottom));
  }
  li {
    display: flex;
    align-items: center;
    gap: 12px;
    min-height: 52px;
    padding: 6px 8px;
    border-radius: var(--oriel-radius);
  }

  .avatar {
    flex: none;
    display: grid;
    place-items: center;
    width: 36px;
    height: 36px;
    border-radius: 50%;
    background: light-dark(oklch(46% 0.09 var(--hue)), oklch(42% 0.08 var(--hue)));
    color: #ffffff;
    font-size: 13px;
    font-weight: 600;
  }
  .speaking .avatar {
    outline: 2px solid var(--oriel-speaking);
    outline-offset: 2px;
  }

  .who {
    flex: 1;
    min-width: 0;
    line-height: 1.25;
  }
  .name {
    overflow: hidden;
    font-weight: 550;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .role {
    color: var(--oriel-text-soft);
    font-size: 12.5px;
  }

  .states {
    flex: none;
    display: flex;
    gap: 10px;
    color: var(--oriel-text-soft);
  }
  .states .icon {
    display: block;
    width: 20px;
    height: 20px;
  }
  .states .off {
    color: var(--oriel-danger-text);
  }

  .hand {
    flex: none;
    display: flex;
    padding: 5px;
    border-radius: 9px;
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }
  .hand .icon {
    width: 18px;
    height: 18px;
  }
  li > .icon-button {
    flex: none;
    margin-inline: -8px -6px;
    color: var(--oriel-text-soft);
  }

  .lobby {
    margin: 0 14px 10px;
    padding: 4px 0 6px;
    border-radius: var(--oriel-radius-large);
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }
  .lobby header {
    padding-block: 6px 0;
    padding-inline: 14px 8px;
    min-height: 40px;
  }
  .lobby h3 {
    font-size: 14px;
    font-weight: 650;
  }
  .lobby ul {
    padding: 0 6px;
  }
  .lobby li {
    gap: 8px;
  }
  .lobby .button {
    flex: none;
    min-height: 36px;
    padding: 0.2em 0.8em;
    font-size: 14px;
  }
  .lobby .button.quiet {
    color: inherit;
  }
  .trouble {
    padding: 0 18px 10px;
    color: var(--oriel-danger-text);
    font-size: 14px;
  }

  .invite {
    flex: none;
    margin: 4px 14px 10px;
  }
  .nobody {
    padding: 18px;
    color: var(--oriel-text-soft);
    text-align: center;
  }
`;
