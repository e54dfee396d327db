/** What the start page says, in Arabic. */
import type { Texts } from './english.ts';

export const arabic: Texts = {
  lost: 'لا شيء في هذا العنوان. أنشئ غرفة أو ادخل غرفة من هنا.',
  title: 'ليرَ بعضكم بعضًا.',
  subtitle: 'رابط واحد، بلا حساب.',
  lead: 'صورة وصوت ومحادثة في المتصفح. افتح غرفة وأرسل رابطها وتحدّث.',
  newRoom: 'غرفة جديدة',
  field: 'اسم غرفة أو رابطها',
  fieldHint: 'اسم الغرفة أو رابطها',
  enter: 'دخول',
  complaint: 'اكتب اسم غرفة: حروف لاتينية وأرقام ونقاط وشرطات.',
  sendFiles: 'إرسال ملفات',
  sendFilesHow: 'من متصفح إلى متصفح',
  recent: 'الغرف الأخيرة',
  forget: (name) => `نسيان ${name}`,
  forgetThis: 'نسيان هذه الغرفة',
};
