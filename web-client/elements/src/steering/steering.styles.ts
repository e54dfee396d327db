import { css } from 'lit';

export const steeringStyles = css`
  .switch {
    display: flex;
    align-items: center;
    gap: 14px;
    min-height: 56px;
    cursor: pointer;
  }
  .switch span {
    flex: 1;
  }
  .switch small {
    display: block;
    color: var(--oriel-text-soft);
    font-size: 13px;
  }
  /* A switch of the platform's own form: a knob on a track. */
  .switch input {
    flex: none;
    appearance: none;
    position: relative;
    width: 44px;
    min-height: 26px;
    height: 26px;
    margin: 0;
    padding: 0;
    border: 1px solid var(--oriel-edge);
    border-radius: var(--oriel-radius-round);
    background: var(--oriel-sunken);
    cursor: pointer;
  }
  .switch input::before {
    content: '';
    position: absolute;
    top: 3px;
    inset-inline-start: 3px;
    width: 18px;
    height: 18px;
    border-radius: 50%;
    background: var(--oriel-edge);
    transition: inset-inline-start var(--oriel-quick);
  }
  .switch input:checked {
    border-color: transparent;
    background: var(--oriel-accent);
  }
  .switch input:checked::before {
    inset-inline-start: 21px;
    background: var(--oriel-on-accent);
  }
  .switch input:focus-visible {
    outline-offset: 2px;
  }

  .line {
    display: flex;
    gap: 8px;
    margin-top: 6px;
  }
  .line input {
    flex: 1;
    min-width: 0;
  }
  form,
  .end {
    margin-top: 12px;
    padding-top: 14px;
    border-top: 1px solid var(--oriel-line);
  }
  .hint {
    margin-top: 6px;
    color: var(--oriel-text-soft);
    font-size: 13px;
  }
  .trouble {
    margin-top: 12px;
    color: var(--oriel-danger-text);
  }
  .end .button {
    width: 100%;
  }

  @media (forced-colors: active) {
    .switch input::before {
      background: ButtonText;
    }
    .switch input:checked::before {
      background: Highlight;
    }
  }
`;
