/** What the status page says, in Arabic. */
import { plural } from '@oriel/elements/forms';
import type { Texts } from './english.ts';

const count = plural('ar');

export const arabic: Texts = {
  title: 'الحالة',
  live: 'مباشر',
  connecting: 'جارٍ الاتصال…',
  token: 'رمز مراقب',
  tokenHint: ['ينشئه مشغّل الخادم بالأمر', '.'],
  show: 'عرض',
  ended: () => 'لم يقبل الخادم هذا الرمز، أو لا يجيب. تحقق من الرمز وحاول مرة أخرى.',
  server: 'الخادم',
  participants: 'المشاركون',
  received: 'من الناشرين',
  sent: 'إلى المشتركين',
  packets: 'الحزم',
  processor: 'المعالج',
  memory: 'الذاكرة',
  lastMinutes: (what) => `${what} في آخر خمس دقائق`,
  roomList: 'الغرف',
  rooms: (many) =>
    count(many, { zero: 'لا غرف', one: 'غرفة واحدة', two: 'غرفتان', few: '# غرف', many: '# غرفة', other: '# غرفة' }),
  nobody: 'لا أحد في أي غرفة الآن.',
  threads: 'خيوط الوسائط',
  thread: (number) => `خيط الوسائط ${number}`,
  threadLoad: (number) => `حمل خيط الوسائط ${number}`,
  threadState: (percent, sessions) =>
    `${percent}٪، ${count(sessions, { zero: 'لا جلسات', one: 'جلسة واحدة', two: 'جلستان', few: '# جلسات', many: '# جلسة', other: '# جلسة' })}`,
  age: (duration) => `منذ ${duration}`,
  people: 'الأشخاص',
  in: 'وارد',
  out: 'صادر',
  lost: 'مفقود',
  delay: 'تأخير',
  good: (many) => `جيد: ${many}`,
  fair: (many) => `فيه بعض الفقد أو التأخير: ${many}`,
  poor: (many) => `ضعيف: ${many}`,
  media: (summary) => `الوسائط: ${summary}`,
  noMedia: 'لا وسائط',
};
