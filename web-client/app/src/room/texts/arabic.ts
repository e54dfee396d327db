/** What the page around a room says, in Arabic. */
import type { Texts } from './english.ts';

export const arabic: Texts = { home: 'العودة إلى صفحة البداية' };
