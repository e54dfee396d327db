/** What the page about embedding says, in Arabic. */
import type { Texts } from './english.ts';

export const arabic: Texts = {
  title: 'غرفة في صفحتك أنت',
  lead: 'عنصر واحد، داخل صفحتك نفسها أو في إطار. جرّبه هنا ثم انسخ ما تحتاج إليه.',
  tryIt: 'جرّبه',
  tree: 'داخل الصفحة',
  frame: 'في إطار',
  mode: 'طريقة التضمين',
  accent: 'اللون المميِّز',
  corners: 'زوايا مستديرة',
  copyTitle: 'انسخه',
  copy: 'نسخ',
  copied: 'تم النسخ',
  ways: { html: 'HTML', iframe: 'إطار بسيط', react: 'React', ticket: 'تذكرة' },
  which: 'أي مقطع',
  events: 'الأحداث',
  nothingYet: 'يظهر هنا ما يخبر به العنصر.',
  doctor: 'ما الذي قد يمنع الكاميرا أو الميكروفون؟',
  fine: 'لا شيء يمنع الكاميرا أو الميكروفون أو الشاشة.',
};
