/** What the page of cursors says, in Arabic. */
import { plural } from '@oriel/elements/styles';
import type { Texts } from './english.ts';

const count = plural('ar');

export const arabic: Texts = {
  home: 'Oriel، صفحة البداية',
  title: 'المؤشرات',
  board: 'اللوح: حرّك المؤشر أو إصبعك أو استعمل مفاتيح الأسهم',
  alone: 'افتح هذه الصفحة في نافذة ثانية أو على هاتف: يرى كلٌّ منهما مؤشر الآخر هنا.',
  again: 'إعادة المحاولة',
  you: (name) => `${name} (أنت)`,
  problem: ({ code }) => `تعذّر الاتصال بالغرفة (${code}).`,
  connecting: 'جارٍ الاتصال …',
  notConnected: 'غير متصل',
  people: (people) =>
    people === 1 ? 'أنت وحدك' : count(people, { two: 'شخصان', few: '# أشخاص', many: '# شخصًا', other: '# شخص' }),
  median: 'في اتجاه واحد، الوسيط',
  slowest: '99 من 100',
  messages: 'رسائل واردة، صادرة',
  perSecond: (received, sent) => `${received} · ${sent} في الثانية`,
  path: 'المسار',
  whichWay: 'أي طريق تسلكه الرسائل',
  ways: { best: 'الأفضل', webtransport: 'WebTransport', channel: 'قناة بيانات', websocket: 'WebSocket' },
};
