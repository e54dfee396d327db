// Generated from the Rust types of signaling/core. Do not edit: change them and run
//   ORIEL_UPDATE_PROTOCOL=1 cargo test -p signaling-core protocol

/** One run of a room, from its first join to its end. A name can have many runs. */
export type RoomId = string;

/** One participant in one room, across reconnects. */
export type ParticipantId = string;

/** One published track. */
export type TrackId = string;

/** One chat message. */
export type ChatId = string;

/** A word that opens something by itself: 128 random bits made by the shell, 32 hexadecimal digits
 * on the wire. Debug output does not show it. */
export type Secret = string;

/** Audio or video. */
export type MediaKind = "audio" | "video";

/** Where a track's media comes from. The words are those of LiveKit's `canPublishSources`. */
export type TrackSource = "camera" | "microphone" | "screen_share" | "screen_share_audio";

/** What a participant may do beyond its grants. */
export type Role = "moderator" | "participant";

/** Why a participant is gone. */
export type LeaveReason = "left" | "connection_lost" | "duplicate_identity" | "removed" | "moved" | "too_slow" | "room_ended" | "server_stopping" | "internal";

/** Why a room is gone. */
export type EndReason = "empty" | "ended" | "server_stopping" | "internal";

/** Why a request was not done. One row per code in `row`. */
export type ErrorCode = "bad_request" | "unauthorized" | "forbidden" | "origin_not_allowed" | "ticket_used" | "ticket_expired" | "password_required" | "locked" | "not_found" | "too_large" | "rate_limited" | "full" | "busy" | "bad_sdp" | "stopping" | "internal";

/** Why a request was not done: `{"code", "message", "retry"}`. */
export type RequestError = {
  /** For programs. */
  code: ErrorCode,
  /** For people: what is wrong and what to do. */
  message: string,
  /** Whether the very same request may succeed later. */
  retry: boolean,
};

/** A room as anybody inside may see it. */
export type RoomInfo = {
  /** This run of the room. */
  id: RoomId,
  /** What people call it. */
  name: string,
  /** Milliseconds since 1970 (UTC). */
  started_at: number,
  /** Nobody comes in any more, moderators aside. */
  locked: boolean,
  /** Newcomers wait until a moderator admits them. */
  lobby: boolean,
  /** Newcomers must know the password. */
  password: boolean,
  /** When the server stops, whatever goes on in the room: milliseconds since 1970 (UTC). */
  draining?: number,
};

/** A participant as the others see it. */
export type ParticipantInfo = {
  /** This participation; new for every join. */
  id: ParticipantId,
  /** Who it is: the token's `sub`. One participant per identity and room. */
  identity: string,
  /** The display name. */
  name: string,
  /** Moderator or not. */
  role: Role,
  /** Free text. */
  metadata: string,
  /** Free key-value pairs. */
  attributes: { [key in string]: string },
  /** Milliseconds since 1970 (UTC). */
  joined_at: number,
  /** There while its hand is raised. The lower the number, the earlier it was. */
  hand?: number,
  /** What it has published, oldest first. */
  tracks: Array<TrackInfo>,
};

/** A published track as the others see it. */
export type TrackInfo = {
  /** The track. */
  id: TrackId,
  /** Audio or video. */
  kind: MediaKind,
  /** Where the media comes from. */
  source: TrackSource,
  /** A label for people; may be empty. */
  name: string,
  /** Whether the publisher, or a moderator, has muted it. */
  muted: boolean,
};

/** One chat message. */
export type ChatMessage = {
  /** The message. */
  id: ChatId,
  /** Who wrote it. */
  participant: ParticipantId,
  /** The writer's display name when it wrote: the writer may be gone when it is read. */
  name: string,
  /** Plain text. */
  text: string,
  /** For whom it is, the writer aside; absent when it is for everybody. */
  to?: Array<ParticipantId>,
  /** Milliseconds since 1970 (UTC). */
  at: number,
};

/** A message of the application's own, to everybody, to some, or to those who listen to its topic. */
export type DataMessage = {
  /** Who sent it; absent when it came from outside the room, by REST. */
  from?: ParticipantId,
  /** The sender's own number for it. */
  id?: number,
  /** Was allowed to be lost on its way. */
  lossy?: boolean,
  /** Is the topic's value from now on; without payload it has none any more. */
  retain?: boolean,
  /** What it is about; may be empty. */
  topic: string,
  /** Its bytes: base 64 (RFC 4648 §4) in JSON. */
  payload: string,
};

/** The value of a topic: the last message about it that was to be kept for those who come later. */
export type Retained = {
  /** The topic. */
  topic: string,
  /** Its bytes: base 64 (RFC 4648 §4) in JSON. */
  payload: string,
  /** Who sent it, who may have left since; absent when it came from outside the room, by REST. */
  from?: ParticipantId,
  /** The sender's own number for it. */
  id?: number,
};

/** Somebody who waits in the lobby. */
export type Waiting = {
  /** The participant that it will be. */
  id: ParticipantId,
  /** Who it is. */
  identity: string,
  /** The display name. */
  name: string,
  /** Milliseconds since 1970 (UTC). */
  since: number,
};

/** A slot that carries a track. */
export type Binding = {
  /** Whose track it is. */
  participant: ParticipantId,
  /** The track. */
  track: TrackId,
  /** The `a=mid` of the receiving m-line (slot). */
  mid: string,
  /** Grows with each binding of the slot: tells late frames of its previous track apart. */
  bind: number,
};

/** Somebody who is gone. */
export type Departure = {
  /** Who. */
  participant: ParticipantId,
  /** Why. */
  reason: LeaveReason,
};

/** Media in one direction, over about two seconds. */
export type Flow = {
  /** Of payload. */
  bits_per_second: number,
  /** Packets that arrived, or were sent. */
  packets_per_second: number,
  /** Packets that did not arrive, of a thousand. */
  lost_per_thousand: number,
};

/** How the media of one participant fares. */
export type ParticipantQuality = {
  /** Whose. */
  participant: ParticipantId,
  /** What it publishes. */
  received: Flow,
  /** What it receives. */
  sent: Flow,
  /** Milliseconds to it and back, where it receives anything. */
  round_trip_ms?: number,
};

/** What a participant may do, as far as its user interface needs to know. */
export type GrantsInfo = {
  /** The sources it may publish; empty for none. */
  can_publish: Array<TrackSource>,
  /** Whether it receives media. */
  can_subscribe: boolean,
  /** Whether it may chat and send data. */
  can_publish_data: boolean,
  /** Whether it may change its own name, metadata and attributes. */
  can_update_own_metadata: boolean,
};

/** One entry of `RTCConfiguration.iceServers`. */
export type IceServer = {
  /** `stun:`, `turn:` or `turns:` URLs. */
  urls: Array<string>,
  /** TURN user name. */
  username?: string,
  /** TURN password. */
  credential?: string,
};

/** What the client must keep to. */
export type Limits = {
  /** Receive slots (pairs of an audio and a video m-line) in one peer connection. */
  slots: number,
  /** Bytes of an SDP offer. */
  sdp_bytes: number,
  /** Bytes of any other message. */
  message_bytes: number,
  /** Bytes of one chat text. */
  chat_bytes: number,
  /** Bytes of one data message's envelope. */
  data_bytes: number,
  /** The same of a lossy one, as its sender writes it: as many as every path takes in one packet. */
  lossy_bytes: number,
  /** Bytes of data messages that the data channels of one participant may send in a second. */
  data_bytes_per_second: number,
  /** The number of data messages in the same second. */
  data_messages_per_second: number,
};

/** Everything that a participant may see. */
export type Snapshot = {
  /** The room. */
  room: RoomInfo,
  /** The reader itself. */
  participant: ParticipantInfo,
  /** The others, in the order they came. */
  participants: Array<ParticipantInfo>,
  /** What the reader may do. */
  grants: GrantsInfo,
  /** Which tracks flow to the reader, and where. */
  bindings: Array<Binding>,
  /** The newest chat messages that are for the reader, oldest first. */
  chat: Array<ChatMessage>,
  /** Who waits in the lobby, first come first; empty for those who do not steer the room. */
  waiting: Array<Waiting>,
  /** The topics that have a value, in the order of their names. */
  retained: Array<Retained>,
  /** Events after this place are not in it yet: `epoch.seq`. */
  cursor: string,
};

/** Everything that an observer may see. */
export type Overview = {
  /** The room. */
  room: RoomInfo,
  /** Those whom the others know of, in the order they came. */
  participants: Array<ParticipantInfo>,
  /** The topics that have a value, in the order of their names. */
  retained: Array<Retained>,
  /** Events after this place are not in it yet: `epoch.seq`. */
  cursor: string,
};

/** Payload of `Join`. */
export type Join = {
  /** The access token (JWT). It belongs here and never in a URL, which ends up in logs. */
  token: string,
  /** The room, for tokens that name none (service tokens). */
  room?: string,
  /** The identity, for tokens that name none (service tokens). */
  identity?: string,
  /** The display name; the token's own name wins. */
  name?: string,
  /** Attributes to begin with; the token's own win. */
  attributes?: { [key in string]: string },
  /** The room's password, where it has one. */
  password?: string,
  /** Whether everybody's tracks are received without asking; absent means yes. */
  auto_subscribe?: boolean,
};

/** Payload of `Resume`. */
export type Resume = {
  /** The room's name. */
  room: string,
  /** From the reply to the join. */
  secret: Secret,
  /** The place of the last event read: `epoch.seq`. */
  cursor: string,
};

/** Payload of `Observe`. */
export type Observe = {
  /** An access token (JWT) with `oriel.observe`. */
  token: string,
  /** The room; absent means all rooms. */
  room?: string,
  /** The cursor after which to read; absent means from now on, beginning with an overview. */
  after?: string,
  /** The types of events to read; absent means all. */
  types?: Array<string>,
};

/** Payload of `Offer`. */
export type Offer = {
  /** The session description (RFC 8866), 256 KiB at most. */
  sdp: string,
};

/** Payload of `Candidate`. */
export type Candidate = {
  /** The candidate attribute without `a=` (RFC 8839 §5.1). Empty means "no more". */
  candidate: string,
};

/** Payload of `Publish`. */
export type Publish = {
  /** The `a=mid` of the sending m-line. */
  mid: string,
  /** Audio or video. */
  kind: MediaKind,
  /** Where the media comes from. Camera and microphone of a participant are kept in sync with
   * each other, and so are the two sources of a screen share. */
  source: TrackSource,
  /** A label for people. */
  name?: string,
  /** Published in the muted state. */
  muted?: boolean,
};

/** Payload of `Unpublish`. */
export type Unpublish = {
  /** The track. */
  track: TrackId,
};

/** Payload of `Mute`. */
export type Mute = {
  /** The track. */
  track: TrackId,
  /** The state wanted. */
  muted: boolean,
};

/** Payload of `Subscribe` and `Unsubscribe`. */
export type Tracks = {
  /** 1 to 256 tracks of others. Those that are gone are passed over. */
  tracks: Array<TrackId>,
};

/** How large a track is shown. */
export type ViewportSize = {
  /** A video track of somebody else. */
  track: TrackId,
  /** Device pixels. With 0 x 0 it is not visible, and nothing of it is sent. */
  width: number,
  /** Device pixels. */
  height: number,
};

/** Payload of `Viewport`. */
export type Viewport = {
  /** 1 to 256 sizes, each replacing the one that was told of its track before. */
  sizes: Array<ViewportSize>,
};

/** Payload of `Chat`. */
export type Chat = {
  /** Plain text, 1 to 8192 bytes. */
  text: string,
  /** For whom it is, 1 to 64 participants; absent means everybody. */
  to?: Array<ParticipantId>,
};

/** Payload of `Hand`. */
export type Hand = {
  /** The state wanted. */
  raised: boolean,
  /** Whose hand a moderator lowers; absent means one's own. */
  participant?: ParticipantId,
};

/** Payload of `Update`. What is absent stays. */
export type Update = {
  /** Whom a moderator changes; absent means oneself. */
  participant?: ParticipantId,
  /** The display name, 1 to 128 bytes. */
  name?: string,
  /** Free text, 16 KiB at most. */
  metadata?: string,
  /** Attributes to set; those with an empty value are taken away. 16 KiB at most in all. */
  attributes?: { [key in string]: string },
};

/** Payload of `Send`. */
export type Send = {
  /** What it is about, 128 bytes at most. */
  topic?: string,
  /** The bytes: base 64 (RFC 4648 §4) in JSON. */
  payload: string,
  /** For whom it is, 1 to 64 participants; absent means everybody else. */
  to?: Array<ParticipantId>,
  /** Only for those who listen to the topic. Not together with `to`. */
  listeners?: boolean,
  /** May be lost when it would come late. */
  lossy?: boolean,
  /** Is the topic's value from now on, which those who come later are told: 16 KiB at most. Without
   * payload the topic has none any more. It is for everybody, the sender included, and comes without loss. */
  retain?: boolean,
  /** The sender's own number for the message; told to the receivers. */
  message?: number,
};

/** Payload of `Listen`. */
export type Listen = {
  /** All topics that are wanted from now on: 64 at most, of 128 bytes each. */
  topics: Array<string>,
};

/** Payload of `Signal`. */
export type Signal = {
  /** The other participant. */
  to: ParticipantId,
  /** A description or candidate in the clients' own form. The server does not read it. */
  data: string,
};

/** Payload of `AskToUnmute`. */
export type AskToUnmute = {
  /** The track. */
  track: TrackId,
};

/** Payload of `Remove`. */
export type Remove = {
  /** Who. */
  participant: ParticipantId,
};

/** Payload of `SetRole`. */
export type SetRole = {
  /** Whose. */
  participant: ParticipantId,
  /** The role wanted. */
  role: Role,
};

/** Payload of `SetGrants`. What is absent stays. */
export type SetGrants = {
  /** Whose. */
  participant: ParticipantId,
  /** The sources it may publish; empty for none. Tracks of others end. */
  can_publish?: Array<TrackSource>,
  /** Whether it receives media. */
  can_subscribe?: boolean,
  /** Whether it may chat and send data. */
  can_publish_data?: boolean,
};

/** Payload of `Move`. */
export type Move = {
  /** Who. */
  participant: ParticipantId,
  /** A breakout room of this room, whose name begins with this room's name and a dot; or the room
   * that the participant was moved from. */
  room: string,
};

/** Payload of `SetRoom`. What is absent stays. It all ends when nobody is left in the
 * room. */
export type SetRoom = {
  /** Whether nobody comes in any more, moderators aside. */
  locked?: boolean,
  /** Whether newcomers wait in a lobby. Without one, whoever waits is let in. */
  lobby?: boolean,
  /** The password that newcomers must know, up to 128 bytes; empty for none. */
  password?: string,
};

/** Payload of `Admit`. */
export type Admit = {
  /** From the list of those who wait. */
  participant: ParticipantId,
};

/** Payload of `Deny`. */
export type Deny = {
  /** From the list of those who wait. */
  participant: ParticipantId,
};

/** What is asked. */
export type Request =
  | { "type": "join" } & Join
  | { "type": "resume" } & Resume
  | { "type": "observe" } & Observe
  | { "type": "ping" }
  | { "type": "leave" }
  | { "type": "offer" } & Offer
  | { "type": "candidate" } & Candidate
  | { "type": "ice_servers" }
  | { "type": "publish" } & Publish
  | { "type": "unpublish" } & Unpublish
  | { "type": "mute" } & Mute
  | { "type": "subscribe" } & Tracks
  | { "type": "unsubscribe" } & Tracks
  | { "type": "viewport" } & Viewport
  | { "type": "chat" } & Chat
  | { "type": "hand" } & Hand
  | { "type": "update" } & Update
  | { "type": "send" } & Send
  | { "type": "listen" } & Listen
  | { "type": "signal" } & Signal
  | { "type": "ask_to_unmute" } & AskToUnmute
  | { "type": "remove" } & Remove
  | { "type": "set_role" } & SetRole
  | { "type": "set_grants" } & SetGrants
  | { "type": "move" } & Move
  | { "type": "set_room" } & SetRoom
  | { "type": "admit" } & Admit
  | { "type": "deny" } & Deny
  | { "type": "end" };

/** A numbered request as it stands in one frame. */
export type RequestFrame = {
  /** Chosen by the asker, unique among its unanswered requests; comes back as `re`. */
  id: number,
} & Request;

/** Reply to `Join`: the room as it is at its cursor. */
export type Joined = {
  /** Opens `Resume` while the participant is in the
   * room. Never to be shown or stored beyond the page. */
  resume: Secret,
  /** For `RTCPeerConnection`, as the browser takes them. */
  ice_servers: Array<IceServer>,
  /** What the client must keep to. */
  limits: Limits,
  /** The room. */
  room: RoomInfo,
  /** The reader itself. */
  participant: ParticipantInfo,
  /** The others, in the order they came. */
  participants: Array<ParticipantInfo>,
  /** What the reader may do. */
  grants: GrantsInfo,
  /** Which tracks flow to the reader, and where. */
  bindings: Array<Binding>,
  /** The newest chat messages that are for the reader, oldest first. */
  chat: Array<ChatMessage>,
  /** Who waits in the lobby, first come first; empty for those who do not steer the room. */
  waiting: Array<Waiting>,
  /** The topics that have a value, in the order of their names. */
  retained: Array<Retained>,
  /** Events after this place are not in it yet: `epoch.seq`. */
  cursor: string,
};

/** Reply to `Join` where a lobby is before the room.
 * `LobbyAdmitted` or
 * `Disconnected` follows. */
export type InLobby = {
  /** The participant that the asker will be. */
  waiting: ParticipantId,
};

/** Reply to `Resume`: the participant is back. Those of
 * the events after `after` up to `to` that are for it follow at once, or else
 * `Gap` for the same range. */
export type Resumed = {
  /** Who the asker is. */
  participant: ParticipantId,
  /** The number that the range begins after; 0 when the cursor is of another journal. */
  after: number,
  /** The number that the range ends with. */
  to: number,
  /** For `RTCPeerConnection`, made out anew. */
  ice_servers: Array<IceServer>,
};

/** Reply to `Offer`. */
export type Answer = {
  /** The session description to set as the remote one. */
  sdp: string,
};

/** Reply to `IceServers`. */
export type IceServers = {
  /** For `RTCPeerConnection`, made out anew. */
  ice_servers: Array<IceServer>,
};

/** Reply to `Publish`. */
export type Published = {
  /** The new track. */
  track: TrackInfo,
};

/** Reply to `Chat`. */
export type Posted = {
  /** The message as everybody sees it. */
  message: ChatMessage,
};

/** `{}`: done, nothing to tell. */
export type Done = Record<symbol, never>;

/** What a granted request returns. Which one follows from the request. */
export type Reply = Joined | InLobby | Resumed | Answer | IceServers | Published | Posted | Done;

/** What came of a request: `"ok": …` or `"error": …`. */
export type Outcome =
  | { "ok": Reply }
  | { "error": RequestError };

/** The one answer to a request. */
export type ReplyFrame = {
  /** The request's `id`. */
  re: number,
} & Outcome;

/** What happened. */
export type Event =
  | { "type": "room.started",
      /** The room. */
      room: RoomInfo }
  | { "type": "room.ended",
      /** Why. */
      reason: EndReason }
  | { "type": "room.updated",
      /** As it is now. */
      room: RoomInfo }
  | { "type": "server.draining",
      /** Milliseconds since 1970 (UTC). */
      deadline: number }
  | { "type": "participant.joined",
      /** The newcomer. */
      participant: ParticipantInfo }
  | { "type": "participant.left",
      /** Who. */
      participant: ParticipantId,
      /** Why. */
      reason: LeaveReason }
  | { "type": "participants.changed",
      /** Who came, first come first. Readers may know some of them already, and be one of them. */
      joined: Array<ParticipantInfo>,
      /** Who is gone, with all of their tracks. Readers may never have heard of some. */
      left: Array<Departure>,
      /** How many are there now, the hidden not included. */
      participants: number }
  | { "type": "participant.updated",
      /** As it is now. */
      participant: ParticipantInfo }
  | { "type": "hand.raised",
      /** Who. */
      participant: ParticipantId,
      /** Grows with each hand: the lower, the earlier. */
      hand: number }
  | { "type": "hand.lowered",
      /** Whose. */
      participant: ParticipantId }
  | { "type": "track.published",
      /** Whose. */
      participant: ParticipantId,
      /** The track. */
      track: TrackInfo }
  | { "type": "track.unpublished",
      /** Whose. */
      participant: ParticipantId,
      /** The track. */
      track: TrackId }
  | { "type": "track.muted",
      /** Whose. */
      participant: ParticipantId,
      /** The track. */
      track: TrackId,
      /** The moderator; absent when it was the publisher, or somebody whom the others do not see. */
      by?: ParticipantId }
  | { "type": "track.unmuted",
      /** Whose. */
      participant: ParticipantId,
      /** The track. */
      track: TrackId }
  | { "type": "unmute.asked",
      /** The track. */
      track: TrackId,
      /** The moderator. */
      by: ParticipantId }
  | { "type": "chat.posted",
      /** The message. */
      message: ChatMessage }
  | { "type": "data.received",
      /** Who sent it; absent when it came from outside the room, by REST. */
      from?: ParticipantId,
      /** The sender's own number for it. */
      id?: number,
      /** Was allowed to be lost on its way. */
      lossy?: boolean,
      /** Is the topic's value from now on; without payload it has none any more. */
      retain?: boolean,
      /** What it is about; may be empty. */
      topic: string,
      /** Its bytes: base 64 (RFC 4648 §4) in JSON. */
      payload: string }
  | { "type": "signal.received",
      /** Who sent it. */
      from: ParticipantId,
      /** As it was sent. */
      data: string }
  | { "type": "grants.changed",
      /** As they are now. */
      grants: GrantsInfo }
  | { "type": "lobby.changed",
      /** Who waits now, first come first. */
      waiting: Array<Waiting> }
  | { "type": "lobby.admitted",
      /** The room. */
      joined: Joined }
  | { "type": "moved",
      /** The new room. */
      joined: Joined }
  | { "type": "gap",
      /** The number that the missing range begins after. */
      after: number,
      /** The number that the missing range ends with. */
      to: number,
      /** The room as it is now. */
      snapshot: Snapshot }
  | { "type": "overview",
      /** Whether the reader had a place, and events after it are missing. */
      lost: boolean,
      /** The room. */
      room: RoomInfo,
      /** Those whom the others know of, in the order they came. */
      participants: Array<ParticipantInfo>,
      /** The topics that have a value, in the order of their names. */
      retained: Array<Retained>,
      /** Events after this place are not in it yet: `epoch.seq`. */
      cursor: string }
  | { "type": "quality.measured",
      /** Those who have media. */
      participants: Array<ParticipantQuality> }
  | { "type": "subscription.bound" } & Binding
  | { "type": "subscription.unbound" } & Binding
  | { "type": "slots.needed",
      /** More audio m-lines. */
      audio: number,
      /** More video m-lines. */
      video: number }
  | { "type": "media.failed",
      /** What happened and what helps, for people. */
      reason: string }
  | { "type": "disconnected",
      /** Why. */
      reason: LeaveReason };

/** An event as it leaves by a door. */
export type EventFrame = {
  /** The number in the room's journal; absent for passing events. */
  seq?: number,
} & Event;

/** Every error code. */
export const ERROR_CODES = ["bad_request", "unauthorized", "forbidden", "origin_not_allowed", "ticket_used", "ticket_expired", "password_required", "locked", "not_found", "too_large", "rate_limited", "full", "busy", "bad_sdp", "stopping", "internal"] as const satisfies readonly ErrorCode[];

/** Every source. */
export const TRACK_SOURCES = ["camera", "microphone", "screen_share", "screen_share_audio"] as const satisfies readonly TrackSource[];
