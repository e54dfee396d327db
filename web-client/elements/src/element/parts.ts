/** The parts of the elements, which each hands on to whoever is around it. */

/** What can be styled by `::part()`. */
export const PARTS = [
  'header',
  'panel',
  'notice',
  'toast',
  'invitation',
  'tile',
  'name',
  'button',
  'stage',
  'strip',
  'toolbar',
  'menu',
  'chat',
  'message',
  'list',
  'picker',
  'dialog',
  'preview',
  'files',
  'icon',
] as const;

/** All of them, for `exportparts`: those that an element does not have do no harm. */
export const ALL_PARTS = PARTS.join(', ');
