import type { Texts } from './english.ts';

/** What the file drop says, in Arabic. */
export const arabic: Texts = {
  title: 'إرسال ملفات',
  lead: 'من متصفح إلى متصفح، مع التحقق من كل جزء. بلا حساب وبلا رفع إلى خادم.',
  dropHere: 'أفلت الملفات أو المجلدات هنا',
  chooseFiles: 'اختيار ملفات',
  chooseFolder: 'اختيار مجلد',
  receive: 'استلام',
  receiveLead: 'اكتب الرمز الذي قيل لك، أو الصق الرابط.',
  code: 'الرمز أو الرابط',
  connect: 'اتصال',
  badCode: 'الرمز رقم وكلمتان، مثل ‎42-amber-otter‎.',
  ask: 'طلب ملفات',
  askLead: 'أنشئ رابطًا يرسل به الآخرون ملفات إليك.',
  yourName: 'اسمك',
  noticeTitle: 'قبل الاتصال',
  notice: 'تنتقل الملفات مباشرة إلى الطرف الآخر إن أمكن، فيرى كل طرف عنوان الشبكة للآخر.',
  relayOnly: 'إخفاء عنواني: الإرسال عبر مُرحِّل، وهو أبطأ',
  once: 'الرابط لشخص واحد: ينتهي عند وصول كل الملفات',
  joining: 'جارٍ الاتصال…',
  waitingForHost: 'في انتظار أن يفتح الطرف الآخر صفحته…',
  waitingForGuests: 'أبقِ هذه الصفحة مفتوحة. لم يأتِ أحد بعد.',
  tellCode: 'قل هذا الرمز، أو أرسل الرابط',
  copyLink: 'نسخ الرابط',
  copied: 'نُسخ الرابط',
  linkIs: 'الرابط',
  qr: 'الرابط كرمز QR',
  hashing: (percent) => `قراءة الملفات: ${percent}٪`,
  offering: (files, size) => `معروض: ${files}، ${size}`,
  files: (count) => arabicFiles(count),
  people: 'الأشخاص',
  sendMore: 'إرسال ملفات',
  direct: 'مباشر',
  relayed: 'عبر مُرحِّل',
  connecting: 'جارٍ الاتصال…',
  knock: (name) => `لدى ${name} الرمز ويريد الاتصال.`,
  admit: 'السماح',
  refuse: 'الرفض',
  offered: (name) => `يريد ${name} إرسال ملفات إليك`,
  acceptAll: 'قبول الكل',
  acceptSome: 'قبول المحدد',
  decline: 'رفض',
  incoming: 'المستلَم',
  outgoing: 'المرسَل',
  to: (name) => `إلى ${name}`,
  toAll: 'إلى الجميع',
  from: (name) => `من ${name}`,
  offeredState: 'في انتظار الرد',
  declinedState: 'رُفض',
  doneSent: (count) => `وصل الكل وتم التحقق منه: ${arabicFiles(count)}`,
  doneReceived: (count) => `تم التحقق من الكل: ${arabicFiles(count)}`,
  pausedHere: 'متوقف مؤقتًا',
  pausedThere: 'أوقفه الطرف الآخر مؤقتًا',
  interrupted: 'انقطع الاتصال. يُستأنف عند عودة الطرف الآخر.',
  progress: (done, total) => `${done} من ${total}`,
  speed: (rate) => `${rate}/ث`,
  left: (time) => `يتبقى ${time}`,
  pause: 'إيقاف مؤقت',
  resume: 'استئناف',
  cancel: 'إلغاء',
  saveFile: (name) => `حفظ ${name}`,
  saveArchive: 'حفظ الكل في ملف ZIP واحد',
  discard: 'الحذف من هذا المتصفح',
  discarded: 'حُذف من هذا المتصفح',
  stoppedHere: 'أوقفتَه.',
  stoppedThere: 'أوقفه الطرف الآخر.',
  source: 'تعذّرت قراءة ملف أو أنه تغيّر: يجب إرساله من جديد.',
  unverified: 'ما وصل لم يطابق ما أُعلن، مرارًا. لم يُحفظ منه شيء.',
  spaceHere: 'لا توجد مساحة لهذه الملفات: أفرغ بعض المساحة أو اقبل عددًا أقل.',
  spaceThere: 'لا توجد مساحة لدى الطرف الآخر لهذه الملفات.',
  protocol: 'الصفحتان لا تتفاهمان: أعد تحميل كلتيهما.',
  inMemory: 'لا تستطيع هذه النافذة التخزين: لا تغلقها قبل حفظ الملفات.',
  used: 'استُخدم هذا الرابط ووصلت الملفات إلى أحدهم. اطلب رابطًا جديدًا.',
  refused: 'لم يسمح لك الطرف الآخر بالدخول.',
  refusedOffer: (why) => `رُفض عرض. ${why}`,
  signalingLost: 'تعذّر الوصول إلى الخادم. تستمر عمليات النقل، ولا يمكن لأحد جديد أن يأتي.',
  ended: 'أُغلقت الغرفة. أعد تحميل الصفحة.',
  failed: (why) => `لم ينجح ذلك: ${why}`,
  textLabel: 'إرسال نص',
  sendText: 'إرسال',
  textFrom: (name) => `نص من ${name}`,
  copyText: 'نسخ النص',
  noOneThere: 'لا أحد متصل بعد.',
  home: 'Oriel، صفحة البداية',
  close: 'إغلاق الملفات',
};

function arabicFiles(count: number): string {
  switch (new Intl.PluralRules('ar').select(count)) {
    case 'one':
      return 'ملف واحد';
    case 'two':
      return 'ملفان';
    case 'few':
      return `${count} ملفات`;
    case 'many':
      return `${count} ملفًا`;
    default:
      return `${count} ملف`;
  }
}
