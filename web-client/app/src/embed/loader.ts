/** `/embed.js`: defines `<oriel-room>` in any page. The room itself is loaded when there is one on the page. */
import { RoomElement } from '@oriel/elements/room';

RoomElement.server = new URL(import.meta.url).origin;
