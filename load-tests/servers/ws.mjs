// npm's `ws` as a server that gives whatever is posted to all who read: what Oriel's fan-out is set beside.
// `node ws.mjs` prints its address, and takes no arguments.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { WebSocketServer } = createRequire(new URL('../../web-client/package.json', import.meta.url))('ws');

const server = createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const text = Buffer.concat(parts).toString();
  for (const client of readers.clients) client.send(text);
  response.end('{}');
});
const readers = new WebSocketServer({ server, perMessageDeflate: false });
server.listen(0, '127.0.0.1', 4096);
await once(server, 'listening');
console.log(`http://127.0.0.1:${server.address().port}`);
