/**
 * `@oriel/elements`: rooms as web components. Importing it registers every tag.
 *
 * `<oriel-room>` is everything at once, in the page or in a frame; the others are its parts, each drawn from one
 * `Room` of `@oriel/client`.
 */
import './audio/audio.ts';
import './call/call.ts';
import './chat/chat.ts';
import './confirm/confirm.ts';
import './controls/controls.ts';
import './copy-link/copy-link.ts';
import './devices/devices.ts';
import './devices/level.ts';
import './files/files.ts';
import './grid/grid.ts';
import './help/help.ts';
import './people/people.ts';
import './prejoin/prejoin.ts';
import './embed/room.ts';
import './room/room-view.ts';
import './settings/settings.ts';
import './steering/steering.ts';
import './tile/tile.ts';

export { AudioElement } from './audio/audio.element.ts';
export { CallElement } from './call/call.element.ts';
export { ChatElement } from './chat/chat.element.ts';
export { ConfirmElement, type Question } from './confirm/confirm.element.ts';
export { ControlsElement, type Panel } from './controls/controls.element.ts';
export { CopyLinkElement } from './copy-link/copy-link.element.ts';
export { type ChosenDevices, type DeviceChoice, DevicesElement } from './devices/devices.element.ts';
export { LevelElement } from './devices/level.element.ts';
export { type Announcement, type Urgency } from './element/element.ts';
export { FilesElement } from './files/files.element.ts';
export { GridElement } from './grid/grid.element.ts';
export { HelpElement } from './help/help.element.ts';
export { PeopleElement } from './people/people.element.ts';
export { type JoinChoice, type PasswordQuestion, PrejoinElement } from './prejoin/prejoin.element.ts';
export { RoomElement } from './embed/room.element.ts';
export type { RoomElementEvents, Status as RoomStatus } from './embed/contract.ts';
export { RoomViewElement } from './room/room-view.element.ts';
export type { Cause, Device } from './doctor/judge.ts';
export { diagnose, type Finding } from './doctor/doctor.ts';
export { SettingsElement } from './settings/settings.element.ts';
export { SteeringElement } from './steering/steering.element.ts';
export { TileElement, type TilePicture } from './tile/tile.element.ts';
export type { Language } from './texts/language.ts';
export { type RoomLanguage, roomTexts } from './texts/texts.ts';
