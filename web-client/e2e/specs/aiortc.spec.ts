/** WHIP and WHEP with aiortc, an implementation of WebRTC that shares no code with browsers or with us. */
import { expect, test } from '@playwright/test';

import { publishByAiortc, viewByAiortc } from '../support/aiortc.ts';
import { chromiumParticipants } from '../support/call.ts';
import { everybody, type Participant } from '../support/participant.ts';
import { startServer, type Server } from '../support/server.ts';
import { nameOfColour, nameOfTone, SIGNATURES } from '../support/signature.ts';

const { rose, amber } = SIGNATURES;
const ROOM = 'studio';

test.describe.configure({ mode: 'serial' });

let server: Server;
let guest: Participant;

test.beforeAll(async ({ browser }) => {
  server = await startServer();
  const [participant] = (await chromiumParticipants(browser, rose)) as [Participant];
  guest = participant;
  await guest.join(server.url, ROOM);
});

test.afterAll(async () => {
  await guest?.driver.close();
  await server?.stop();
});

test('aiortc views a participant of the page by WHEP', async () => {
  const { identity } = await guest.tile(rose.name);
  const token = await server.token('--room', ROOM, '--identity', 'viewer');
  const { colours, tones } = await viewByAiortc(`${server.url}/whep/${ROOM}/${identity}`, token);
  expect({ pictures: colours.map(nameOfColour), sounds: tones.map(nameOfTone) }).toEqual({ pictures: [rose.name], sounds: [rose.name] });
});

test('aiortc publishes by WHIP with a service token: page and WHEP both get it, until it ends', async () => {
  const service = await server.token('--service');
  const script = await publishByAiortc(`${server.url}/whip/${ROOM}/${amber.name}`, service, amber);
  try {
    await expect.poll(() => guest.perceives()).toEqual(everybody(amber));
    await guest.seesMoving(amber.name);
    const { colours, tones } = await viewByAiortc(`${server.url}/whep/${ROOM}/${amber.name}`, service);
    expect({ pictures: colours.map(nameOfColour), sounds: tones.map(nameOfTone) }).toEqual({ pictures: [amber.name], sounds: [amber.name] });
  } finally {
    await script.stop();
  }
  expect(script.child.exitCode, script.output()).toBe(0);
  await expect.poll(() => guest.perceives()).toEqual({});
});
