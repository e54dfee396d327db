/** What rooms say, in English. Other languages have the same keys. */
import type { DisconnectReason, ErrorCode, OrielError } from '@oriel/client';

/** A page of words with one way on. */
export interface Farewell {
  readonly title: string;
  readonly advice: string;
  /** What the way on is called. */
  readonly again: string;
}

/** What went wrong, and what to do about it. */
export type Problem = Pick<OrielError, 'message' | 'hint'>;

/** What is switched, by the words of its buttons. */
export interface Switch {
  /** Below the icon. */
  readonly short: string;
  readonly on: string;
  readonly off: string;
  readonly forbidden: string;
}

export const english = {
  close: 'Close',
  cancel: 'Cancel',
  camera: 'Camera',
  microphone: 'Microphone',
  speaker: 'Speaker',
  devices: 'Camera, microphone, speaker',
  level: 'Microphone level',
  you: (name: string) => `${name} (you)`,
  screenOf: (name: string) => `${name}’s screen`,
  peopleInRoom: 'People in the room',
  handRaised: 'Hand raised',
  stopSharing: 'Stop sharing',
  switches: {
    microphone: { short: 'Microphone', on: 'Microphone on', off: 'Microphone off', forbidden: 'Microphone: not allowed in this room' },
    camera: { short: 'Camera', on: 'Camera on', off: 'Camera off', forbidden: 'Camera: not allowed in this room' },
    screen: { short: 'Share', on: 'Share screen on', off: 'Share screen off', forbidden: 'Share screen: not allowed in this room' },
  } as Readonly<Record<'microphone' | 'camera' | 'screen', Switch>>,
  /** What an error says itself, or what it means. */
  problem: (error: OrielError): Problem => error,
  controls: {
    bar: 'Controls',
    leave: 'Leave',
    more: 'More',
    hand: 'Hand',
    raise: 'Raise your hand',
    lower: 'Lower your hand',
    chat: 'Chat',
    people: 'People',
    chatUnread: (unread: number) => (unread === 0 ? 'Chat' : `Chat, ${unread} unread`),
    peopleCount: (people: number, waiting: number) =>
      `People, ${people} in the room${waiting === 0 ? '' : `, ${waiting} waiting`}`,
    withKey: (words: string, key: string) => `${words} (${key})`,
    share: 'Share screen',
    steering: 'Room settings',
    files: 'Send files to everybody',
    help: 'Keyboard shortcuts',
  },
  call: {
    lost: 'The connection is lost. Trying to get it back.',
    lostTitle: 'The connection is lost.',
    lostAdvice: 'Trying to get it back…',
    back: 'Connected again',
    heard: 'You can be heard',
    alone: 'You are the only one here',
    closeInvitation: 'Close the invitation',
    invitation: 'Whoever opens this link can join you:',
    audioBlocked: 'Your browser holds back the sound of this room.',
    startAudio: 'Turn on sound',
    closeNotice: 'Close this notice',
    sharing: 'You are sharing your screen.',
    moved: (room: string) => `You were moved to ${room}.`,
    draining: (time: string) => `The server restarts at ${time}. Your room keeps its address.`,
    talking: 'You are muted: nobody hears you.',
    unmute: 'Unmute',
    show: 'Show',
    muted: {
      microphone: (by: string) => `${by} muted your microphone.`,
      camera: (by: string) => `${by} muted your camera.`,
      screen: (by: string) => `${by} muted your screen share.`,
    },
    moderator: 'A moderator',
    asked: {
      microphone: (by: string) => `${by} asks you to unmute your microphone.`,
      camera: (by: string) => `${by} asks you to unmute your camera.`,
      screen: (by: string) => `${by} asks you to unmute your screen share.`,
    },
    lobby: (waiting: number, newest: string) =>
      waiting === 1 ? `${newest} waits to be let in.` : `${waiting} people wait to be let in.`,
    promoted: 'You are a moderator now.',
    demoted: 'You are no longer a moderator.',
  },
  news: {
    said: (name: string, text: string) => `${name}: ${text}`,
    saidToYou: (name: string, text: string) => `${name} (only for you): ${text}`,
    joined: (name: string) => `${name} joined`,
    left: (name: string) => `${name} left`,
    shares: (name: string) => `${name} shares the screen`,
    stopped: (name: string) => `${name} stopped sharing the screen`,
    hand: (name: string) => `${name} raised a hand`,
    ownHand: 'Your hand is raised',
    screenOn: 'Screen share on',
    screenOff: 'Screen share off',
  },
  chat: {
    title: 'Chat',
    close: 'Close chat',
    messages: 'Messages',
    empty: 'Everybody in the room can read what you write here.',
    you: 'You',
    toAll: 'Message to everybody',
    toOne: (name: string) => `Message to ${name} only`,
    below: 'New messages below',
    forbidden: 'You cannot write in this room',
    send: 'Send message',
    to: 'To',
    everybody: 'Everybody',
    only: (name: string) => `${name} only`,
    hasLeft: (name: string) => `${name} (has left)`,
    onlyForYou: 'only for you',
    onlyFor: (names: string) => `only for ${names}`,
    somebody: 'somebody who left',
    gone: (name: string) => `${name} has left. Choose who is to read this.`,
    tooLong: 'This message is too long. Send it in parts.',
    notSent: (why: string) => `Not sent: ${why}`,
  },
  copyLink: {
    copy: 'Copy link',
    copied: 'Link copied',
    refused: 'Copy it from the address bar',
    failed: (link: string) => `The link could not be copied. It is ${link}`,
  },
  choosing: {
    none: {
      audioinput: 'No microphone yet',
      videoinput: 'No camera yet',
      audiooutput: 'No speaker yet',
    },
    test: 'Test',
    silent: 'This speaker does not play. Choose another one.',
  },
  grid: {
    pages: 'Pages of people',
    previous: 'Previous people',
    next: 'More people',
    page: 'Page',
  },
  tile: {
    yourScreen: 'Your screen',
    hand: 'Hand raised: ',
    microphoneOff: ', microphone off',
    cameraOff: ', camera off',
    enlarge: (what: string) => `Show ${what} large`,
    large: 'Show large',
    back: 'Back to the others',
  },
  help: [
    ['M', 'Microphone on or off'],
    ['Space', 'Hold to talk while your microphone is off'],
    ['V', 'Camera on or off'],
    ['D', 'Share your screen, or stop'],
    ['C', 'Open or close the chat'],
    ['P', 'Open or close the list of people'],
    ['H', 'Raise or lower your hand'],
    ['Esc', 'Close the open panel'],
    ['?', 'Show these shortcuts'],
  ] as readonly (readonly [keys: string, words: string])[],
  people: {
    title: 'People',
    close: 'Close people',
    search: 'Search people',
    searchShort: 'Search',
    everybody: 'Everybody',
    nobody: (name: string) => `Nobody here is called “${name}”.`,
    moderator: 'Moderator',
    sharing: 'Shares the screen',
    more: (name: string) => `More about ${name}`,
    write: 'Write privately',
    files: 'Send files',
    mute: { microphone: 'Mute microphone', camera: 'Mute camera', screen: 'Mute screen share' },
    ask: {
      microphone: 'Ask to unmute microphone',
      camera: 'Ask to unmute camera',
      screen: 'Ask to unmute screen share',
    },
    lowerHand: 'Lower hand',
    demote: 'No longer moderator',
    promote: 'Make moderator',
    remove: 'Remove from the room',
    removeHeading: (name: string) => `Remove ${name}?`,
    removeWords: (name: string) => `${name} is sent away and cannot come back.`,
    removeYes: 'Remove',
    waiting: 'Waiting',
    waitingList: 'People who wait to be let in',
    admit: 'Admit',
    admitOne: (name: string) => `Admit ${name}`,
    deny: 'Deny',
    denyOne: (name: string) => `Deny ${name}`,
    admitAll: 'Admit all',
  },
  steering: {
    title: 'Room settings',
    lock: 'Lock the room',
    lockHint: 'Nobody else can come in.',
    lobby: 'Lobby',
    lobbyHint: 'Newcomers wait until somebody lets them in.',
    password: 'Password',
    newPassword: 'A new password',
    none: 'None',
    set: 'Set',
    remove: 'Remove',
    withPassword: 'Newcomers have to know the password.',
    withoutPassword: 'Without one, the link is enough to come in.',
    end: 'End for everybody',
    endHeading: 'End the room for everybody?',
    endWords: 'Everybody is sent away, and what was written is gone.',
  },
  prejoin: {
    yourCamera: 'Your camera',
    title: 'Ready to join?',
    room: 'Room',
    mirror: 'Your camera, as a mirror',
    waiting: 'Waiting for the camera. Your browser may ask you to allow it.',
    off: 'Your camera is off',
    join: 'Join now',
    name: 'Your name',
    nameHint: 'How others see you',
    nameless: 'Type a name, so that others know who you are.',
    password: 'The room’s password',
    wrongPassword: 'That is not the password. Try again.',
    passwordHint: 'Whoever invited you knows it.',
    tryAgain: 'Try again',
  },
  room: {
    joining: (room: string) => `Joining ${room === '' ? 'the room' : room}…`,
    waiting: 'Somebody will let you in soon',
    /** What stands before the room's name, after it, and where it has none. */
    lobby: ['Room', 'has a lobby: those inside see that you are here.', 'The room'] as readonly [string, string, string],
    leave: 'Leave',
    inLobby: 'You are in the lobby. Somebody will let you in soon.',
    left: {
      left: { title: 'You left the room', advice: 'You can come back whenever you like.', again: 'Join again' },
      connection_lost: {
        title: 'The connection was lost',
        advice: 'The network was gone for too long. Check it and join again.',
        again: 'Join again',
      },
      duplicate_identity: {
        title: 'You joined from somewhere else',
        advice: 'The same person is in the room once: the newest window or device stays.',
        again: 'Use this one instead',
      },
      removed: {
        title: 'You were removed from the room',
        advice: 'A moderator ended your stay. Ask them if you think that it was a mistake.',
        again: 'Back to the door',
      },
      moved: { title: 'You are in another room now', advice: 'A moderator moved you.', again: 'Join again' },
      too_slow: {
        title: 'Your connection was too slow',
        advice: 'The room went on faster than your network could follow. Try again, with fewer other programs online.',
        again: 'Join again',
      },
      room_ended: { title: 'The room has ended', advice: 'Joining again starts it anew.', again: 'Start it again' },
      server_stopping: {
        title: 'The server is being restarted',
        advice: 'It should be back in a moment. Your room keeps its address.',
        again: 'Join again',
      },
      internal: {
        title: 'The server had a problem',
        advice: 'It is not your fault. Joining again usually helps.',
        again: 'Join again',
      },
      refused: {
        title: 'The server did not let you back in',
        advice: 'Ask for a new invitation, or try again.',
        again: 'Try again',
      },
    } as Readonly<Record<DisconnectReason, Farewell>>,
    /** What the page is called, where there is more to say than that it did not work. */
    refused: {
      unreachable: 'The server does not answer',
      timeout: 'The server does not answer',
      locked: 'The room is locked',
      denied: 'You were not let in',
    } as Readonly<Partial<Record<ErrorCode, string>>>,
    notJoined: 'You could not join',
    again: 'Try again',
  },
};

/** A catalogue. */
export type Texts = typeof english;
