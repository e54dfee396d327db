/** What the page about embedding says, in English. Other languages have the same keys. */
import type { Way } from '../snippets.ts';

export const english = {
  title: 'A room in your own page',
  lead: 'One element, in your page’s own tree or in a frame. Try it here, then copy what you need.',
  tryIt: 'Try it',
  tree: 'In the page',
  frame: 'In a frame',
  mode: 'How it is embedded',
  accent: 'Accent colour',
  corners: 'Round corners',
  copyTitle: 'Copy it',
  copy: 'Copy',
  copied: 'Copied',
  ways: { html: 'HTML', iframe: 'Plain frame', react: 'React', ticket: 'Ticket' } as Readonly<Record<Way, string>>,
  which: 'Which snippet',
  events: 'Events',
  nothingYet: 'What the element tells is listed here.',
  doctor: 'What could keep camera or microphone away?',
  fine: 'Nothing keeps camera, microphone or screen away.',
};

/** A catalogue. */
export type Texts = typeof english;
