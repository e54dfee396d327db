import { css } from 'lit';

export const roomStyles = css`
  :host {
    display: block;
    position: relative;
    height: 100%;
    background: var(--oriel-canvas);
  }

  .spoken {
    display: contents;
  }
  .scroll {
    display: grid;
    height: 100%;
    overflow-y: auto;
    padding: calc(20px + env(safe-area-inset-top)) max(20px, env(safe-area-inset-right))
      calc(24px + env(safe-area-inset-bottom)) max(20px, env(safe-area-inset-left));
  }
  .door {
    grid-template-rows: auto 1fr;
  }
  oriel-prejoin {
    width: 100%;
    margin: auto;
    padding: 20px 0 40px;
  }

  .words {
    display: grid;
    justify-items: center;
    gap: 14px;
    max-width: 440px;
    margin: auto;
    text-align: center;
  }
  .words .mark {
    width: 52px;
    height: 52px;
    margin-bottom: 4px;
  }
  h1 {
    font-size: 1.6rem;
    font-weight: 680;
    letter-spacing: -0.02em;
    line-height: 1.2;
  }
  .words p {
    color: var(--oriel-text-soft);
  }
  .ways {
    display: flex;
    flex-wrap: wrap;
    justify-content: center;
    gap: 10px;
    margin-top: 8px;
  }
  .ways .button {
    min-height: 46px;
    min-width: 130px;
  }

  .spinner {
    width: 36px;
    height: 36px;
    border: 3.5px solid var(--oriel-accent);
    border-right-color: transparent;
    border-radius: 50%;
  }
  @media (prefers-reduced-motion: no-preference) {
    .spinner {
      animation: turn 900ms linear infinite;
    }
    @keyframes turn {
      to {
        transform: rotate(1turn);
      }
    }
  }
`;
