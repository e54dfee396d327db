import type { Browser, Page } from '@playwright/test';
import type { TransportName } from '@oriel/client';

import type {} from '../browser/member.ts';
import { bundle } from './bundle.ts';

/** How somebody is in a room: what each way of data comes to. */
export type MemberWay = 'webtransport' | 'channel' | 'websocket';

const HOW: Readonly<Record<MemberWay, { transports: readonly TransportName[]; media: boolean }>> = {
  webtransport: { transports: ['webtransport'], media: false },
  channel: { transports: ['websocket'], media: true },
  websocket: { transports: ['websocket'], media: false },
};

/** Somebody in a room for data alone, by the SDK in a page of their own. */
export class Member {
  private constructor(
    readonly name: string,
    readonly page: Page,
  ) {}

  /** Opens a page of the server's that is in no room itself. */
  static async open(browser: Browser, serverUrl: string, name: string): Promise<Member> {
    const context = await browser.newContext();
    await context.addInitScript({ content: await bundle('member.ts') });
    const page = await context.newPage();
    await page.goto(`${serverUrl}/status`);
    return new Member(name, page);
  }

  /** Joins as a guest; gives the participant's id. */
  join(room: string, way: MemberWay): Promise<string> {
    return this.page.evaluate((options) => window.orielMember.join(options), { room, name: this.name, ...HOW[way] });
  }

  /** What has come on the topics that it listens to. */
  heard(): Promise<readonly string[]> {
    return this.page.evaluate(() => window.orielMember.heard);
  }

  streams(): Promise<readonly string[]> {
    return this.page.evaluate(() => window.orielMember.streams);
  }

  told(): Promise<readonly string[]> {
    return this.page.evaluate(() => window.orielMember.told);
  }

  path(): Promise<string> {
    return this.page.evaluate(() => window.orielMember.room.data.path('lossy'));
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
