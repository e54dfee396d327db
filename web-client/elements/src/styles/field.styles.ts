/** Fields: a label above what can be filled in or chosen. */
import { css } from 'lit';

export const fieldStyles = css`
  .field {
    display: grid;
    gap: 6px;
    min-width: 0;
  }
  .label {
    display: flex;
    align-items: center;
    gap: 0.45em;
    color: var(--oriel-text-soft);
    font-size: 0.9em;
    font-weight: 600;
  }

  input,
  select,
  textarea {
    width: 100%;
    min-height: 44px;
    padding: 0.55em 0.8em;
    border: 1px solid var(--oriel-edge);
    border-radius: var(--oriel-radius);
    background-color: var(--oriel-surface);
    color: var(--oriel-text);
    /* Phones zoom into fields with smaller letters. */
    font: inherit;
    font-size: max(16px, 1em);
  }
  input:focus-visible,
  select:focus-visible,
  textarea:focus-visible {
    outline-offset: -2px;
  }
  ::placeholder {
    color: var(--oriel-text-soft);
    opacity: 1;
  }

  /* A list to choose from, with our own arrow over it. */
  .select {
    position: relative;
    flex: 1;
    min-width: 0;
  }
  .select select {
    appearance: none;
    padding-inline-end: 2.6em;
    text-overflow: ellipsis;
  }
  .select > .icon {
    position: absolute;
    inset-inline-end: 12px;
    top: calc(50% - 9px);
    width: 18px;
    height: 18px;
    color: var(--oriel-text-soft);
    pointer-events: none;
    transform: rotate(90deg);
  }
`;
