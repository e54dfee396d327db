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
  .row .button {
    flex: none;
  }
  .trouble {
    color: var(--oriel-danger-text);
    font-size: 13px;
  }
`;
