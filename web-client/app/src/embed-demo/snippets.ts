/** What somebody copies into a page of their own to have a room there. */

/** The ways to do it. */
export const WAYS = ['html', 'iframe', 'react', 'ticket'] as const;
export type Way = (typeof WAYS)[number];

/** What a room in a frame needs of its page; `elements/src/embed/frame.ts` has it, too. */
const ALLOW = 'camera; microphone; display-capture; autoplay; fullscreen; screen-wake-lock; clipboard-write; speaker-selection';

/** The text for a room of the server at `origin`, in the page's tree or `isolated` in a frame. */
export function snippet(way: Way, origin: string, room: string, isolated: boolean): string {
  switch (way) {
    case 'html':
      return `<script type="module" src="${origin}/embed.js"></script>

<oriel-room room-name="${room}"${isolated ? ' isolate="iframe"' : ''} style="height: 600px"></oriel-room>

<style>
  oriel-room { --oriel-accent: #6a3bd1; --oriel-radius: 6px; }
  oriel-room::part(name) { font-weight: 700; }
</style>`;
    case 'iframe':
      return `<iframe
  src="${origin}/embed/${room}"
  allow="${ALLOW}"
  style="width: 100%; height: 600px; border: 0"
></iframe>`;
    case 'react':
      return `import { useEffect, useRef } from 'react';
import '@oriel/elements/room';

export function Room({ name, onLeft }) {
  const room = useRef(null);
  useEffect(() => {
    const element = room.current;
    element.addEventListener('oriel-left', onLeft);
    return () => element.removeEventListener('oriel-left', onLeft);
  }, [onLeft]);
  return (
    <oriel-room
      ref={room}
      url="${origin}"
      room-name={name}${isolated ? '\n      isolate="iframe"' : ''}
      style={{ height: 600 }}
    />
  );
}`;
    case 'ticket':
      return `# On your server, each time the page is loaded:
curl -X POST ${origin}/v1/rooms/${room}/tickets \\
  -H "Authorization: Bearer $(oriel token --server-admin)" \\
  -H "Content-Type: application/json" \\
  -d '{"origin": "https://shop.example", "token": {"identity": "ana", "name": "Ana"}}'

# In the page:
<oriel-room ticket="…"></oriel-room>`;
  }
}
