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
  ::placeholder {
    color: var(--oriel-text-soft);
    opacity: 1;
  }

  select {
    appearance: none;
    padding-right: 2.4em;
    text-overflow: ellipsis;
    background-image:
      linear-gradient(45deg, transparent 50%, currentcolor 50%),
      linear-gradient(-45deg, transparent 50%, currentcolor 50%);
    background-position:
      right 18px center,
      right 12px center;
    background-repeat: no-repeat;
    background-size: 6px 6px;
  }

  @media (forced-colors: active) {
    select {
      appearance: auto;
      background-image: none;
    }
  }
`;
