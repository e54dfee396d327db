import { css } from 'lit';

export const gridStyles = css`
  :host {
    display: block;
    position: relative;
    min-width: 0;
    min-height: 0;
  }

  .area {
    position: absolute;
    inset: 0;
  }

  .tiles {
    display: flex;
    flex-wrap: wrap;
    align-content: center;
    justify-content: center;
    gap: var(--oriel-gap);
    width: 100%;
    height: 100%;
  }
  .tiles oriel-tile {
    flex: none;
    width: var(--tile-width);
    height: var(--tile-height);
  }

  .with-stage {
    display: flex;
    gap: var(--oriel-gap);
  }
  .with-stage.bottom {
    flex-direction: column;
  }
  .with-stage > oriel-tile {
    flex: 1;
  }

  .strip {
    flex: none;
    display: flex;
    gap: var(--oriel-gap);
    overflow: auto;
    scrollbar-width: thin;
    scroll-snap-type: both proximity;
  }
  .right .strip {
    flex-direction: column;
    width: clamp(150px, 18%, 240px);
    justify-content: safe center;
  }
  .bottom .strip {
    height: clamp(84px, 17%, 140px);
    justify-content: safe center;
  }
  .strip oriel-tile {
    flex: none;
    scroll-snap-align: start;
  }
  .right .strip oriel-tile {
    width: 100%;
    aspect-ratio: 16 / 10;
  }
  .bottom .strip oriel-tile {
    height: 100%;
    aspect-ratio: 4 / 3;
  }

  .turn {
    position: absolute;
    top: calc(50% - 22px);
    z-index: 1;
    width: 44px;
    height: 44px;
    border: 1px solid var(--oriel-line);
    border-radius: 50%;
    background: var(--oriel-raised);
    box-shadow: var(--oriel-shadow);
  }
  .turn:hover {
    background: var(--oriel-sunken);
  }
  .turn:disabled {
    display: none;
  }
  .turn.previous {
    left: 4px;
  }
  .turn.next {
    right: 4px;
  }
  .page {
    position: absolute;
    bottom: 6px;
    left: 50%;
    z-index: 1;
    padding: 2px 12px;
    border-radius: var(--oriel-radius-round);
    background: var(--oriel-scrim);
    color: var(--oriel-on-scrim);
    font-size: 13px;
    font-variant-numeric: tabular-nums;
    transform: translateX(-50%);
  }
`;
