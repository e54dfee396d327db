/** What is said where there is no room to say anything itself, in English and in Arabic. */

export interface EmbedWords {
  readonly unreachable: string;
  readonly refused: (origin: string) => string;
}

const english: EmbedWords = {
  unreachable: 'The room could not be loaded. Check the connection, then load the page again.',
  refused: (origin) =>
    `The server did not let this page hold the room. Whoever runs it can allow ${origin} (allowed_origins), or give the page a ticket.`,
};

const arabic: EmbedWords = {
  unreachable: 'تعذّر تحميل الغرفة. تحقق من الاتصال ثم أعد تحميل الصفحة.',
  refused: (origin) =>
    `لم يسمح الخادم لهذه الصفحة بعرض الغرفة. يمكن لمن يديره السماح بالمصدر ${origin} (allowed_origins)، أو إعطاء الصفحة تذكرة.`,
};

/** For a language tag; English where there is nothing for it. */
export function embedWords(language: string): EmbedWords {
  return /^ar\b/iu.test(language) ? arabic : english;
}
