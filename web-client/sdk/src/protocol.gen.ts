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

/** Audio or video. */
export type MediaKind = "audio" | "video";

/** Where a track's media comes from. The words are those of LiveKit's `canPublishSources`. */
export type TrackSource = "camera" | "microphone" | "screen_share" | "screen_share_audio";

/** What a participant may do beyond its grants. */
export type Role = "moderator" | "participant";

/** Why a participant is gone. */
export type LeaveReason = "left" | "connection_lost" | "duplicate_identity" | "room_ended" | "server_stopping" | "internal";

/** Why a room is gone. */
export type EndReason = "empty" | "server_stopping" | "internal";

/** Why a request was not done. One row per code in `row`. */
export type ErrorCode = "bad_request" | "unauthorized" | "forbidden" | "not_found" | "too_large" | "rate_limited" | "full" | "busy" | "bad_sdp" | "stopping" | "internal";

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
  /** Free text from the token. */
  metadata: string,
  /** Free key-value pairs from the token. */
  attributes: { [key in string]: string },
  /** Milliseconds since 1970 (UTC). */
  joined_at: number,
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
  /** Whether the publisher has muted it. */
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
  /** Milliseconds since 1970 (UTC). */
  at: number,
};

/** What a participant may do, as far as its user interface needs to know. */
export type GrantsInfo = {
  /** The sources it may publish; empty for none. */
  can_publish: Array<TrackSource>,
  /** Whether it receives media. */
  can_subscribe: boolean,
  /** Whether it may chat and send data. */
  can_publish_data: boolean,
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

/** Payload of `Chat`. */
export type Chat = {
  /** Plain text, 1 to 8192 bytes. */
  text: string,
};

/** What is asked. */
export type Request =
  | { "type": "join" } & Join
  | { "type": "leave" }
  | { "type": "offer" } & Offer
  | { "type": "candidate" } & Candidate
  | { "type": "publish" } & Publish
  | { "type": "unpublish" } & Unpublish
  | { "type": "mute" } & Mute
  | { "type": "chat" } & Chat;

/** A numbered request as it stands in one frame. */
export type RequestFrame = {
  /** Chosen by the asker, unique among its unanswered requests; comes back as `re`. */
  id: number,
} & Request;

/** Reply to `Join`: the room as it is at `cursor`. */
export type Joined = {
  /** The room. */
  room: RoomInfo,
  /** The asker itself. */
  participant: ParticipantInfo,
  /** The others, in the order they came. */
  participants: Array<ParticipantInfo>,
  /** What the asker may do. */
  grants: GrantsInfo,
  /** Events after this place follow: `epoch.seq`. */
  cursor: string,
  /** For `RTCPeerConnection`, as the browser takes them. */
  ice_servers: Array<IceServer>,
  /** What the client must keep to. */
  limits: Limits,
};

/** Reply to `Offer`. */
export type Answer = {
  /** The session description to set as the remote one. */
  sdp: string,
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
export type Reply = Joined | Answer | Published | Posted | Done;

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
  | { "type": "participant.joined",
      /** The newcomer. */
      participant: ParticipantInfo }
  | { "type": "participant.left",
      /** Who. */
      participant: ParticipantId,
      /** Why. */
      reason: LeaveReason }
  | { "type": "participant.updated",
      /** As it is now. */
      participant: ParticipantInfo }
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
      track: TrackId }
  | { "type": "track.unmuted",
      /** Whose. */
      participant: ParticipantId,
      /** The track. */
      track: TrackId }
  | { "type": "chat.posted",
      /** The message. */
      message: ChatMessage }
  | { "type": "subscription.bound",
      /** Whose track it is. */
      participant: ParticipantId,
      /** The track. */
      track: TrackId,
      /** The `a=mid` of the receiving m-line (slot). */
      mid: string,
      /** Grows with each binding of the slot: tells late frames of its previous track apart. */
      bind: number }
  | { "type": "subscription.unbound",
      /** Whose track it is. */
      participant: ParticipantId,
      /** The track. */
      track: TrackId,
      /** The `a=mid` of the receiving m-line (slot). */
      mid: string,
      /** The number that the binding had. */
      bind: number }
  | { "type": "slots.needed",
      /** More audio m-lines. */
      audio: number,
      /** More video m-lines. */
      video: number }
  | { "type": "disconnected",
      /** Why. */
      reason: LeaveReason };

/** An event as it leaves by a door. */
export type EventFrame = {
  /** The number in the room's journal; absent for passing events. */
  seq?: number,
} & Event;

/** Every error code. */
export const ERROR_CODES = ["bad_request", "unauthorized", "forbidden", "not_found", "too_large", "rate_limited", "full", "busy", "bad_sdp", "stopping", "internal"] as const satisfies readonly ErrorCode[];

/** Every source. */
export const TRACK_SOURCES = ["camera", "microphone", "screen_share", "screen_share_audio"] as const satisfies readonly TrackSource[];
