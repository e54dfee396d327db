/**
 * `@oriel/client`: rooms with audio, video and chat on an Oriel server, for any web page.
 *
 * ```ts
 * const room = new Room();
 * room.on('trackSubscribed', (track) => document.body.append(track.attach()));
 * await room.join({ room: 'stand-up', name: 'Ada' });
 * await room.localParticipant.setMicrophoneEnabled(true);
 * await room.localParticipant.setCameraEnabled(true);
 * ```
 */

export { Room } from './room.ts';
export { Signaling, type SignalingEvents } from './signaling.ts';
export { LocalParticipant, type PublishOptions } from './local-participant.ts';
export { Participant, RemoteParticipant } from './participant.ts';
export { LocalTrackPublication, RemoteTrackPublication, TrackPublication } from './publication.ts';
export { LocalTrack, RemoteTrack, Track } from './track.ts';
export { OrielError, type ErrorCode } from './errors.ts';
export { TypedEmitter, type ConnectionState, type DisconnectReason, type RoomEvents } from './events.ts';
export { redeemTicket, type ConnectOptions, type Invitation, type JoinOptions, type TicketOptions, type TokenOptions } from './guest.ts';
export { Moderation, type ParticipantChange, type RoomChange, type Whom } from './moderation.ts';
export { RoomData, type DataHandler, type DataMessage, type DataPath, type DataStream, type SendOptions, type StreamHandler, type StreamOptions } from './data/data.ts';
export { Topic, type TopicOptions } from './data/topic.ts';
export type { Reliability } from './data/lane.ts';
export type { TransportName, WebTransportPlace } from './transport/ways.ts';
export type { RoomOptions } from './media/device-choice.ts';
export { canShareScreen, listDevices, openCamera, openMicrophone, type CaptureOptions } from './media/devices.ts';
export { Feed, type FeedOptions, type RoomPlace, type ServerEvent, type ServerMeasured, type ServerOverview, type ServerRoomEvent } from './feed.ts';
export { AudioMeter } from './media/speakers.ts';
export type { PathStats, RoomStats, TrackStats } from './connection/stats.ts';
export type { ChatMessage, EventFrame, Flow, GrantsInfo, MediaKind, ParticipantInfo, ParticipantQuality, Role, RoomInfo, TrackSource, Waiting } from './protocol.gen.ts';
