import { css } from 'lit';

export const levelStyles = css`
  :host {
    display: inline-flex;
    align-items: center;
    gap: 3px;
    height: 20px;
  }
  i {
    flex: 1 1 4px;
    min-width: 3px;
    max-width: 6px;
    height: 100%;
    border-radius: 2px;
    background: currentcolor;
    opacity: 0.28;
  }
  i.lit {
    background: var(--oriel-level, var(--oriel-speaking));
    opacity: 1;
  }
  @media (forced-colors: active) {
    i {
      border: 1px solid CanvasText;
      background: Canvas;
      opacity: 1;
    }
    i.lit {
      background: Highlight;
    }
  }
`;
