/** What the start page says, in English. Other languages have the same keys. */

export const english = {
  lost: 'There is nothing at this address. Start or enter a room here.',
  title: 'See each other.',
  subtitle: 'One link, no account.',
  lead: 'Video, voice and chat in the browser. Open a room, send its link, talk.',
  newRoom: 'New room',
  field: 'Name or link of a room',
  fieldHint: 'Room name or link',
  enter: 'Enter',
  complaint: 'Type the name of a room: letters, digits, dots and dashes.',
  sendFiles: 'Send files',
  sendFilesHow: 'from browser to browser',
  recent: 'Recent rooms',
  forget: (name: string) => `Forget ${name}`,
  forgetThis: 'Forget this room',
};

/** A catalogue. */
export type Texts = typeof english;
