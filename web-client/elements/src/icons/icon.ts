/** The icons: one hand, 24 × 24, strokes of 1.75 with round ends. They take the colour of the text. */
import { type SVGTemplateResult, html, svg, type TemplateResult } from 'lit';

const shapes = {
  microphone: svg`
    <rect x="9" y="3" width="6" height="11" rx="3"/>
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3M9 21h6"/>`,
  'microphone-off': svg`
    <path d="M9 9.5V11a3 3 0 0 0 4.9 2.3M15 11V6a3 3 0 0 0-5.6-1.5"/>
    <path d="M5.5 11.5a6.5 6.5 0 0 0 10.6 5M18.2 13.3a6.4 6.4 0 0 0 .3-1.8M12 18v3M9 21h6M4 4l16 16"/>`,
  camera: svg`
    <rect x="3" y="6.5" width="12.5" height="11" rx="2.5"/>
    <path d="m15.5 10.8 4-2.5a1 1 0 0 1 1.5.9v5.6a1 1 0 0 1-1.5.9l-4-2.5"/>`,
  'camera-off': svg`
    <path d="M10 6.5h3a2.5 2.5 0 0 1 2.5 2.5v3M15.3 15.9a2.5 2.5 0 0 1-2.3 1.6H5.5A2.5 2.5 0 0 1 3 15V9a2.5 2.5 0 0 1 2.2-2.48"/>
    <path d="m15.5 10.8 4-2.5a1 1 0 0 1 1.5.9v5.6a1 1 0 0 1-.6.9M4 4l16 16"/>`,
  screen: svg`
    <rect x="3" y="4.5" width="18" height="12.5" rx="2.5"/>
    <path d="M12 13.8V8M9.3 10.5 12 7.8l2.7 2.7M8.5 20.5h7"/>`,
  'screen-off': svg`
    <rect x="3" y="4.5" width="18" height="12.5" rx="2.5"/>
    <path d="m9.8 8.5 4.4 4.5M14.2 8.5 9.8 13M8.5 20.5h7"/>`,
  chat: svg`
    <path d="M12 4c5 0 9 3.3 9 7.5S17 19 12 19c-1 0-2-.1-2.9-.4L4.5 20.5l.9-3.7C3.9 15.4 3 13.5 3 11.5 3 7.3 7 4 12 4Z"/>
    <path d="M8 10h8M8 13.2h5"/>`,
  people: svg`
    <circle cx="9" cy="8" r="3.5"/>
    <path d="M2.8 19.5c0-3.3 2.8-5.5 6.2-5.5s6.2 2.2 6.2 5.5M15.5 4.8a3.5 3.5 0 0 1 0 6.4M17.3 14.5c2.3.6 3.9 2.5 3.9 5"/>`,
  leave: svg`
    <path class="filled" d="M3.3 14.7c-.9-1-1-2.6-.1-3.6C5.5 8.7 8.6 7.5 12 7.5s6.5 1.2 8.8 3.6c.9 1 .8 2.6-.1 3.6l-.5.5a1.5 1.5 0 0 1-1.7.3l-2.4-1.1a1.5 1.5 0 0 1-.9-1.4v-1.2a10.5 10.5 0 0 0-6.4 0V13c0 .6-.4 1.2-.9 1.4l-2.4 1.1a1.5 1.5 0 0 1-1.7-.3Z"/>`,
  more: svg`<circle class="solid" cx="5" cy="12" r="1.6"/><circle class="solid" cx="12" cy="12" r="1.6"/><circle class="solid" cx="19" cy="12" r="1.6"/>`,
  settings: svg`
    <path d="M4 7h9M17 7h3M4 17h3M11 17h9"/><circle cx="15" cy="7" r="2"/><circle cx="9" cy="17" r="2"/>`,
  speaker: svg`
    <path d="M4 9.5h3.2L12 5.5v13l-4.8-4H4a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1ZM15.5 9a4.2 4.2 0 0 1 0 6M18 6.5a7.8 7.8 0 0 1 0 11"/>`,
  link: svg`
    <path d="M10 14a4 4 0 0 0 5.9.3l3-3a4 4 0 0 0-5.7-5.7l-1.3 1.3M14 10a4 4 0 0 0-5.9-.3l-3 3a4 4 0 0 0 5.7 5.7l1.3-1.3"/>`,
  check: svg`<path d="m5 12.5 4.5 4.5L19 7.5"/>`,
  close: svg`<path d="M6 6l12 12M18 6 6 18"/>`,
  send: svg`<path d="m5 4.5 15 7.5-15 7.5 2.5-7.5L5 4.5ZM7.5 12H13"/>`,
  search: svg`<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>`,
  previous: svg`<path d="m14.5 6-6 6 6 6"/>`,
  next: svg`<path d="m9.5 6 6 6-6 6"/>`,
  keyboard: svg`
    <rect x="2.5" y="6" width="19" height="12" rx="2.5"/>
    <path d="M6.5 10h.01M10 10h.01M14 10h.01M17.5 10h.01M8 14h8"/>`,
  warning: svg`<path d="M10.7 4.3 2.9 18a1.5 1.5 0 0 0 1.3 2.2h15.6a1.5 1.5 0 0 0 1.3-2.2L13.3 4.3a1.5 1.5 0 0 0-2.6 0ZM12 9.5v4.5M12 17h.01"/>`,
  hand: svg`
    <path d="M8 12.5V6.2a1.4 1.4 0 0 1 2.8 0V11M10.8 10.5V4.6a1.4 1.4 0 0 1 2.8 0v6M13.6 10.8V6a1.4 1.4 0 0 1 2.8 0v7.5"/>
    <path d="M16.4 12.6V9.4a1.4 1.4 0 0 1 2.8 0v4.8c0 3.9-2.7 6.6-6.4 6.6-2.6 0-4.2-1-5.5-3.2l-2.7-4.7a1.4 1.4 0 0 1 2.3-1.5L8 12.9"/>`,
  lock: svg`<rect x="5" y="10.5" width="14" height="9.5" rx="2.5"/><path d="M8 10.5V8a4 4 0 0 1 8 0v2.5M12 14.2v2.4"/>`,
  remove: svg`
    <circle cx="10" cy="8" r="3.5"/>
    <path d="M3.5 19.5c0-3.3 2.9-5.5 6.5-5.5 1.2 0 2.3.2 3.2.7M16 16l5 5M21 16l-5 5"/>`,
  plus: svg`<path d="M12 5v14M5 12h14"/>`,
  arrow: svg`<path d="M4.5 12h15M13.5 6l6 6-6 6"/>`,
  door: svg`<path d="M14 4H7.5A1.5 1.5 0 0 0 6 5.5v13A1.5 1.5 0 0 0 7.5 20H14M10.5 12H21M17.5 8.5 21 12l-3.5 3.5"/>`,
  expand: svg`<path d="M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7"/>`,
  file: svg`<path d="M13.5 3.5H7A1.5 1.5 0 0 0 5.5 5v14A1.5 1.5 0 0 0 7 20.5h10a1.5 1.5 0 0 0 1.5-1.5V8.5ZM13.5 3.5v5h5"/>`,
  folder: svg`<path d="M3.5 7A1.5 1.5 0 0 1 5 5.5h4l2 2.5h8A1.5 1.5 0 0 1 20.5 9.5v8A1.5 1.5 0 0 1 19 19H5a1.5 1.5 0 0 1-1.5-1.5Z"/>`,
  save: svg`<path d="M12 4v10.5M7.5 10.5 12 15l4.5-4.5M4.5 16.5V18A1.5 1.5 0 0 0 6 19.5h12a1.5 1.5 0 0 0 1.5-1.5v-1.5"/>`,
  pause: svg`<path d="M9 6v12M15 6v12"/>`,
  play: svg`<path class="filled" d="M8 5.5v13l10.5-6.5Z"/>`,
  shrink: svg`<path d="M20 10h-6V4M14 10l7-7M4 14h6v6M10 14l-7 7"/>`,
} satisfies Record<string, SVGTemplateResult>;

/** They point the way that is read. */
const POINTING = /^(?:arrow|door|next|previous|send)$/u;

/** A name of the set. */
export type IconName = keyof typeof shapes;

/** All names, for galleries and tests. */
export const iconNames = Object.keys(shapes) as IconName[];

/** The icon as a picture without a name: the button or text around it says what it means. */
export function icon(name: IconName): TemplateResult {
  return html`<svg class=${POINTING.test(name) ? 'icon pointing' : 'icon'} part="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    ${shapes[name]}
  </svg>`;
}

/** Our mark: a bay window of three lights. */
export function mark(): TemplateResult {
  return html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path class="mark-frame" d="M4 11.5 11 6h10l7 5.5v13L21 27H11l-7-2.5Z" />
    <path class="mark-light" d="M7 13l3.5-2.7v12.6L7 21.7ZM12.5 9.5h7v14h-7ZM25 13l-3.5-2.7v12.6l3.5-1.2Z" />
  </svg>`;
}
