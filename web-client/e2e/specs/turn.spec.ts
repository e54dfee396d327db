/** Calls that go by way of the TURN server, and networks that let nothing else through. */
import { chromium, expect, test, type Browser } from '@playwright/test';

import type { TurnBy } from '../browser/connections.ts';
import { makeAuthority } from '../support/authority.ts';
import { CHROMIUM } from '../support/chromium.ts';
import { buildNetwork, launchChromiumAt, NO_NETWORK, type Network } from '../support/netns.ts';
import { PageParticipant } from '../support/pages.ts';
import { everybody } from '../support/participant.ts';
import { startServerAt, startServerWith } from '../support/placed-server.ts';
import { SIGNATURES, type Signature } from '../support/signature.ts';

const { rose, olive } = SIGNATURES;
const ROOM = 'tunnel';
/** The room, on the page of somebody who wants to go by TURN only. */
const RELAYED = `${ROOM}?relay`;

/** Two go in, see and hear each other live, and both go by TURN in this way. */
async function talkBy(way: TurnBy, url: string, room: string, first: PageParticipant, second: PageParticipant): Promise<void> {
  await first.join(url, room);
  await second.join(url, room);
  await expect.poll(() => first.perceives(), first.name).toEqual(everybody(olive));
  await expect.poll(() => second.perceives(), second.name).toEqual(everybody(rose));
  await first.seesMoving(olive.name);
  await second.seesMoving(rose.name);
  for (const { name, page } of [first, second]) {
    const paths = await page.evaluate(() => window.orielTest.selectedPaths());
    expect(paths, name).toMatchObject([{ type: 'relay', relayProtocol: way, protocol: 'udp' }]);
    const told = await page.evaluate(async () => {
      for await (const { path } of window.orielTest.room().stats()) if (path !== undefined) return path;
      return undefined;
    });
    expect(told, name).toMatchObject({ relayed: true, relayProtocol: way });
  }
}

for (const way of ['udp', 'tcp'] as const) {
  test(`two who go by TURN only talk, by ${way.toUpperCase()}`, async ({ browser }) => {
    const server = await startServerWith({});
    const open = (signature: Signature) => PageParticipant.open(browser, signature, {}, { turnBy: way });
    const [first, second] = [await open(rose), await open(olive)];
    await talkBy(way, server.url, RELAYED, first, second);
    for (const { driver } of [first, second]) await driver.close();
    await server.stop();
  });
}

test('two who go by TURN only talk, by TLS, with an authority that the browser trusts', async () => {
  const authority = await makeAuthority('127.0.0.1');
  const browser = await chromium.launch({ ...CHROMIUM, env: { ...process.env, HOME: authority.home } });
  try {
    const server = await startServerWith(authority.settings);
    expect(server.url).toMatch(/^https:/);
    const open = (signature: Signature) => PageParticipant.open(browser, signature, {}, { turnBy: 'tls' });
    const [first, second] = [await open(rose), await open(olive)];
    await talkBy('tls', server.url, RELAYED, first, second);
    await server.stop();
  } finally {
    await browser.close();
    authority.remove();
  }
});

test('two that can both only relay reach each other', async ({ page }) => {
  const server = await startServerWith({});
  await page.goto(server.url);
  const heard = await page.evaluate(async () => {
    const connect = async (name: string) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch('/v1/join', { method: 'POST', headers, body: JSON.stringify({ room: 'pair', name }) });
      const { ice_servers: iceServers } = (await response.json()) as { ice_servers: RTCIceServer[] };
      return new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' });
    };
    const [one, other] = [await connect('Ada'), await connect('Ben')];
    one.onicecandidate = ({ candidate }) => void other.addIceCandidate(candidate ?? undefined);
    other.onicecandidate = ({ candidate }) => void one.addIceCandidate(candidate ?? undefined);
    const channel = one.createDataChannel('words');
    const word = new Promise<string>((resolve) => {
      other.ondatachannel = (event) => {
        event.channel.onmessage = ({ data }) => resolve(data as string);
      };
    });
    channel.onopen = () => channel.send('through two relays');
    await one.setLocalDescription();
    await other.setRemoteDescription(one.localDescription!);
    await other.setLocalDescription();
    await one.setRemoteDescription(other.localDescription!);
    const text = await word;
    const report = [...(await one.getStats()).values()] as (RTCStats & { selectedCandidatePairId?: string; candidateType?: string })[];
    const of = (id: string | undefined) => report.find((entry) => entry.id === id);
    const pair = of(report.find(({ selectedCandidatePairId }) => selectedCandidatePairId)?.selectedCandidatePairId) as unknown as RTCIceCandidatePairStats;
    return { text, ends: [of(pair.localCandidateId)?.candidateType, of(pair.remoteCandidateId)?.candidateType] };
  });
  expect(heard).toEqual({ text: 'through two relays', ends: ['relay', 'relay'] });
  await server.stop();
});

/** Two clients behind NATs that give each destination a port of its own, and a firewall. */
async function behindFirewalls(run: (network: Network, browsers: Browser[]) => Promise<void>): Promise<void> {
  const network = await buildNetwork('symmetric', 'symmetric');
  const browsers: Browser[] = [];
  try {
    await run(network, browsers);
    for (const browser of browsers) await browser.close();
  } finally {
    await network.stop();
  }
}

test('behind NATs and firewalls that let no media out two talk by TURN, without asking for it', async () => {
  test.skip(NO_NETWORK !== undefined, NO_NETWORK);
  await behindFirewalls(async (network, browsers) => {
    const server = await startServerAt(network.server, network.server.ipv4, { ORIEL__TURN__PORT: '3478' });
    const tcp = [Number(new URL(server.url).port)];
    for (const [client, host] of network.clients().entries()) {
      await network.allow(client, { tcp, udp: [3478] });
      browsers.push(await launchChromiumAt(host, server.url));
    }
    const [first, second] = [await PageParticipant.open(browsers[0]!, rose), await PageParticipant.open(browsers[1]!, olive)];
    await talkBy('udp', server.url, ROOM, first, second);
    await server.stop();
  });
});

test('in networks that let TLS on one port out and nothing else two talk by that port', async () => {
  test.skip(NO_NETWORK !== undefined, NO_NETWORK);
  await behindFirewalls(async (network, browsers) => {
    const authority = await makeAuthority(network.server.ipv4);
    try {
      const server = await startServerAt(network.server, network.server.ipv4, authority.settings);
      const tcp = [Number(new URL(server.url).port)];
      for (const [client, host] of network.clients().entries()) {
        await network.allow(client, { tcp, udp: [] });
        browsers.push(await launchChromiumAt(host, server.url, authority.home));
      }
      const [first, second] = [await PageParticipant.open(browsers[0]!, rose), await PageParticipant.open(browsers[1]!, olive)];
      await talkBy('tls', server.url, ROOM, first, second);
      await server.stop();
    } finally {
      authority.remove();
    }
  });
});
