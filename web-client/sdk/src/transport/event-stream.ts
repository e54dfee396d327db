/** Reads an event stream (HTML Living Standard §9.2.6) as our server writes it: one line of data in an event. */

export interface StreamEvent {
  id: string;
  kind: string;
  data: string;
}

/** Calls `alive` for all that comes and `told` for each event with data, to the stream's end. Rejects when it is cut. */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  alive: () => void,
  told: (event: StreamEvent) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  let event: StreamEvent = { id: '', kind: 'message', data: '' };
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('id: ')) event.id = line.slice(4);
      else if (line.startsWith('event: ')) event.kind = line.slice(7);
      else if (line.startsWith('data: ')) event.data = line.slice(6);
      else if (line === '') {
        if (event.data) told(event);
        event = { id: '', kind: 'message', data: '' };
      }
    }
  }
}
