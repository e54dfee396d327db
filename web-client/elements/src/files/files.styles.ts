/** What files on their way look like, on their own page and in a call. */
import { css } from 'lit';

export const filesStyles = css`
  h2 {
    font-size: 1.1rem;
    font-weight: 650;
  }
  .soft {
    color: var(--oriel-text-soft);
    font-size: 0.93em;
  }

  .card {
    display: grid;
    gap: 12px;
    margin-top: 16px;
    padding: 18px;
    border: 1px solid var(--oriel-line);
    border-radius: var(--oriel-radius-large);
    background: var(--oriel-surface);
  }
  .card form {
    display: grid;
    gap: 12px;
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }
  .actions:empty {
    display: none;
  }
  .actions .icon {
    width: 20px;
    height: 20px;
  }
  .check {
    display: flex;
    align-items: flex-start;
    gap: 10px;
  }
  input[type='checkbox'] {
    flex: none;
    width: 22px;
    min-height: 22px;
    height: 22px;
    margin: 0;
    padding: 0;
    accent-color: var(--oriel-accent);
  }
  .list {
    display: grid;
    gap: 10px;
    margin-top: 10px;
  }
  .person,
  .line {
    display: flex;
    align-items: center;
    justify-content: space-between;
    gap: 12px;
    min-width: 0;
  }
  .transfer {
    display: grid;
    gap: 8px;
    padding: 14px 0;
    border-top: 1px solid var(--oriel-line);
  }
  progress {
    flex: 1;
    min-width: 0;
    height: 10px;
    accent-color: var(--oriel-accent);
  }
  .percent {
    min-width: 3.2em;
    font-variant-numeric: tabular-nums;
    text-align: end;
  }
  .files {
    max-height: 320px;
    overflow-y: auto;
  }
  .files label {
    display: flex;
    align-items: center;
    gap: 10px;
    min-height: 40px;
    overflow-wrap: anywhere;
  }
  .files .soft {
    margin-inline-start: auto;
    white-space: nowrap;
  }
  .notice,
  .complaint {
    padding: 10px 14px;
    border-radius: var(--oriel-radius);
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }
  .complaint {
    background: var(--oriel-danger-soft);
    color: var(--oriel-on-danger-soft);
  }
`;
