import { css } from 'lit';

export const statusStyles = css`
  :host {
    display: block;
    min-height: 100dvh;
    background: var(--oriel-canvas);
  }

  .page {
    max-width: 1180px;
    margin: 0 auto;
    padding: calc(20px + env(safe-area-inset-top)) max(20px, env(safe-area-inset-right))
      calc(32px + env(safe-area-inset-bottom)) max(20px, env(safe-area-inset-left));
  }

  header {
    display: flex;
    flex-wrap: wrap;
    gap: 8px 16px;
    align-items: center;
    margin-bottom: 20px;
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

  .door {
    max-width: 560px;
    margin: 12vh auto 0;
  }
  .door label {
    font-size: 1.3rem;
    font-weight: 650;
  }
  .row {
    display: flex;
    gap: 8px;
    margin-top: 14px;
  }
  .row input {
    flex: 1;
    min-width: 0;
  }
  .complaint {
    min-height: 1.5em;
    margin-top: 8px;
    color: var(--oriel-danger-text);
  }
  .hint {
    color: var(--oriel-text-soft);
    font-size: 14px;
  }

  code {
    white-space: nowrap;
  }

  .tiles {
    display: grid;
    grid-template-columns: repeat(3, minmax(0, 1fr));
    gap: 12px;
  }
  .tile,
  .room,
  .workers {
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius);
    background: var(--oriel-surface);
  }
  .tile {
    overflow: hidden;
    padding-top: 12px;
  }
  .tile h2,
  .tile .value {
    padding-inline: 16px;
  }
  h2 {
    color: var(--oriel-text-soft);
    font-size: 14px;
    font-weight: 600;
  }
  .value {
    font-size: 1.6rem;
    font-weight: 650;
    font-variant-numeric: tabular-nums;
    letter-spacing: -0.02em;
  }
  .chart {
    display: block;
    width: 100%;
    height: 64px;
  }
  .chart .area {
    fill: var(--oriel-accent-soft);
  }
  .chart .line {
    fill: none;
    stroke: var(--oriel-accent);
    stroke-width: 1.75;
    stroke-linejoin: round;
  }

  .workers {
    display: grid;
    gap: 8px;
    margin-top: 12px;
    padding: 14px 16px;
  }
  .worker {
    display: grid;
    grid-template-columns: 9em 1fr minmax(10em, max-content);
    gap: 12px;
    align-items: center;
    font-size: 14px;
  }
  meter {
    width: 100%;
    height: 10px;
    border: 0;
    border-radius: 5px;
    background: var(--oriel-accent-soft);
  }
  meter::-webkit-meter-inner-element {
    display: block;
  }
  meter::-webkit-meter-bar {
    height: 10px;
    border: 0;
    border-radius: 5px;
    background: var(--oriel-accent-soft);
  }
  meter::-webkit-meter-optimum-value,
  meter::-moz-meter-bar {
    background: var(--oriel-accent);
  }
  .number {
    color: var(--oriel-text-soft);
    font-variant-numeric: tabular-nums;
    text-align: end;
  }

  section > h2 {
    margin: 26px 0 10px;
    font-size: 1rem;
  }
  .rooms {
    display: grid;
    gap: 10px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .room {
    display: grid;
    grid-template-columns: minmax(8em, 1.2fr) minmax(0, 3fr) minmax(0, 1.4fr);
    gap: 10px 20px;
    align-items: center;
    padding: 12px 16px;
  }
  h3 {
    overflow: hidden;
    font-size: 1rem;
    font-weight: 650;
    text-overflow: ellipsis;
  }
  dl {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(76px, 1fr));
    gap: 6px 14px;
    margin: 0;
  }
  dt {
    color: var(--oriel-text-soft);
    font-size: 12.5px;
  }
  dd {
    margin: 0;
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .dots {
    display: flex;
    flex-wrap: wrap;
    gap: 5px;
    align-items: center;
    min-height: 12px;
    font-size: 13px;
  }
  .dots i {
    width: 12px;
    height: 12px;
    border-radius: 50%;
    background: var(--oriel-speaking);
  }
  /* Shapes as well as colours: not everybody sees these apart. */
  .dots i[data-grade='fair'] {
    border-radius: 3px;
    background: light-dark(#b98200, #f2c14e);
  }
  .dots i[data-grade='poor'] {
    border-radius: 0;
    background: var(--oriel-danger);
    clip-path: polygon(50% 0, 100% 100%, 0 100%);
  }

  @media (max-width: 720px) {
    .tiles {
      grid-template-columns: repeat(2, minmax(0, 1fr));
    }
    .tile h2,
    .tile .value {
      padding-inline: 12px;
    }
    .value {
      font-size: 1.25rem;
    }
    .worker {
      grid-template-columns: 1fr auto;
    }
    .worker meter {
      grid-row: 2;
      grid-column: 1 / -1;
    }
    .room {
      grid-template-columns: 1fr;
    }
  }
`;
