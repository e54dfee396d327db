import { css } from 'lit';

export const devicesStyles = css`
  :host {
    display: grid;
    gap: 14px;
  }
  .label .icon {
    width: 18px;
    height: 18px;
  }
  .row {
    display: flex;
    gap: 8px;
  }
  .row select {
    flex: 1;
    min-width: 0;
  }
  .row .button {
    flex: none;
  }
  .trouble {
    color: var(--oriel-danger);
    font-size: 13px;
  }
`;
