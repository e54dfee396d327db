import { css } from 'lit';

export const chatStyles = css`
  .messages {
    display: flex;
    flex-direction: column;
    min-height: 100%;
    justify-content: flex-end;
    padding: 8px 18px 14px;
  }

  .message {
    display: flex;
    flex-direction: column;
    align-items: flex-start;
    margin-top: 3px;
  }
  .message.first {
    margin-top: 16px;
  }
  .message.own {
    align-items: flex-end;
  }

  .head {
    display: flex;
    align-items: baseline;
    gap: 8px;
    max-width: 100%;
    margin-bottom: 3px;
    font-size: 13px;
  }
  .writer {
    overflow: hidden;
    font-weight: 650;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  time {
    flex: none;
    color: var(--oriel-text-soft);
    font-size: 12px;
    font-variant-numeric: tabular-nums;
  }

  .text {
    max-width: min(100%, 34em);
    padding: 7px 12px;
    border-radius: 14px;
    background: color-mix(in oklab, var(--oriel-text) 7%, var(--oriel-surface));
    overflow-wrap: anywhere;
    white-space: pre-wrap;
  }
  .own .text {
    background: var(--oriel-accent-soft);
    color: var(--oriel-on-accent-soft);
  }
  .message.first .text {
    border-start-start-radius: 5px;
  }
  .message.own.first .text {
    border-start-start-radius: 14px;
    border-start-end-radius: 5px;
  }
  .closed .text {
    background: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }
  .head .closed {
    display: inline-flex;
    align-items: baseline;
    gap: 3px;
    color: var(--oriel-text-soft);
    font-size: 12px;
  }
  .head .closed .icon {
    flex: none;
    align-self: center;
    width: 14px;
    height: 14px;
  }

  a {
    color: inherit;
    font-weight: 500;
    text-underline-offset: 2px;
  }

  .below {
    position: absolute;
    bottom: 100%;
    left: 50%;
    margin-bottom: 10px;
    min-height: 34px;
    border-radius: var(--oriel-radius-round);
    box-shadow: var(--oriel-shadow);
    font-size: 13px;
    white-space: nowrap;
    transform: translateX(-50%);
  }

  form {
    position: relative;
    flex: none;
    display: flex;
    flex-wrap: wrap;
    align-items: flex-end;
    gap: 8px;
    padding: 10px 14px calc(12px + env(safe-area-inset-bottom));
    border-top: 1px solid var(--oriel-line);
  }
  .whom {
    display: flex;
    align-items: center;
    gap: 8px;
    width: 100%;
    color: var(--oriel-text-soft);
    font-size: 13px;
  }
  .whom select {
    min-height: 34px;
    padding-block: 0.2em;
    border-color: transparent;
    background-color: color-mix(in oklab, var(--oriel-text) 7%, var(--oriel-surface));
  }
  .whom.closed select {
    background-color: var(--oriel-notice-soft);
    color: var(--oriel-on-notice-soft);
  }
  @media (pointer: fine) {
    .whom select {
      font-size: 14px;
    }
  }
  textarea {
    display: block;
    flex: 1;
    width: auto;
    min-width: 0;
    max-height: 9em;
    resize: none;
    field-sizing: content;
    line-height: 1.35;
  }
  .send {
    flex: none;
    width: 44px;
    min-height: 44px;
    padding: 0;
  }
  .trouble {
    padding: 0 18px 8px;
    color: var(--oriel-danger-text);
    font-size: 13px;
  }
  @media (forced-colors: active) {
    .text {
      border: 1px solid CanvasText;
    }
  }
`;
