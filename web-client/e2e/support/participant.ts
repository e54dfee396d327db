import { expect } from '@playwright/test';

import type { Driver } from './driver.ts';
import type { Tile } from '../browser/page.ts';
import { nameOfColour, nameOfTone, SIGNATURES, type Signature } from './signature.ts';

/** Whose picture and whose sound arrives under somebody's name. */
export interface Perceived {
  readonly picture: string;
  readonly sound: string;
}

/** What is perceived when everybody in `signatures`, and nobody else, is seen and heard. */
export function everybody(...signatures: Signature[]): Record<string, Perceived> {
  return Object.fromEntries(signatures.map(({ name }) => [name, { picture: name, sound: name }]));
}

/** Somebody in a room, by way of the page. */
export class Participant {
  constructor(
    readonly signature: Signature,
    readonly driver: Driver,
  ) {}

  get name(): string {
    return this.signature.name;
  }

  /** Opens the room's page and goes in. */
  async join(serverUrl: string, room: string): Promise<void> {
    await this.driver.goto(`${serverUrl}/r/${room}`);
    await this.enter();
  }

  /** Goes in from the pre-join view. */
  async enter(): Promise<void> {
    await this.driver.fill('name-input', this.name);
    await this.driver.click('join-button');
    await expect.poll(() => this.#names((tile) => tile.local), `${this.name} sees its own tile`).toEqual([this.name]);
  }

  /** The tiles with people's cameras. */
  tiles(): Promise<Tile[]> {
    return this.driver.evaluate(() => window.orielTest.tiles('tile'), undefined);
  }

  /** By the words on it, whose colour each shared screen shows. */
  async screens(): Promise<Record<string, string>> {
    const tiles = await this.driver.evaluate(() => window.orielTest.tiles('screen'), undefined);
    return Object.fromEntries(tiles.map((tile) => [tile.text, nameOfColour(tile.picture?.colour)]));
  }

  /** The tile of somebody else (or one's own); fails when there is none. */
  async tile(name: string): Promise<Tile> {
    const found = (await this.tiles()).find((tile) => nameOn(tile) === name);
    if (found === undefined) throw new Error(`${this.name} has no tile of ${name}`);
    return found;
  }

  /** By name on the tile, what arrives from each of the others. */
  async perceives(): Promise<Record<string, Perceived>> {
    const others = (await this.tiles()).filter((tile) => !tile.local);
    return Object.fromEntries(
      others.map((tile) => [nameOn(tile), { picture: nameOfColour(tile.picture?.colour), sound: nameOfTone(tile.tone) }]),
    );
  }

  /** Waits until the picture of each of these has changed: it is live, not the last frame of a dead stream. */
  async seesMoving(...names: string[]): Promise<void> {
    const before = new Map((await this.tiles()).map((tile) => [tile.participant, tile.picture?.tick]));
    const moved = new Set<string>();
    const look = async () => {
      const changed = (tile: Tile) => tile.picture !== undefined && tile.picture.tick !== before.get(tile.participant);
      for (const name of await this.#names((tile) => !tile.local && changed(tile))) moved.add(name);
      return [...moved].sort();
    };
    await expect.poll(look, `pictures that ${this.name} sees move`).toEqual([...names].sort());
  }

  /** What each element with that `data-testid` says. */
  texts(testId: string): Promise<string[]> {
    return this.driver.evaluate((id) => window.orielTest.texts(id), testId);
  }

  async #names(of: (tile: Tile) => boolean): Promise<string[]> {
    return (await this.tiles()).filter(of).map(nameOn).sort();
  }
}

function nameOn(tile: Tile): string {
  return Object.values(SIGNATURES).find(({ name }) => tile.text.includes(name))?.name ?? tile.text;
}
