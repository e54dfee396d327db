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

  .pages {
    display: flex;
    flex-direction: column;
  }
  .pages .tiles {
    flex: 1;
    min-height: 0;
  }
  .pager {
    flex: none;
    display: flex;
    align-items: center;
    justify-content: center;
    gap: 10px;
    height: 44px;
    margin-top: 8px;
    font-variant-numeric: tabular-nums;
  }
`;
