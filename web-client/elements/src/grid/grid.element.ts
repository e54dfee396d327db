import type { Room } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { RoomPart } from '../element/room-part.ts';
import { ALL_PARTS } from '../element/parts.ts';
import { RoomController } from '../element/room-controller.ts';
import { icon } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import '../tile/tile.ts';
import { gridStyles } from './grid.styles.ts';
import { type Box, gridLayout, pageCount, pageSize, stripSide } from './layout.ts';
import { people, type Picture, screens, stage } from './pictures.ts';

const GAP = 10;
/** Height of the line that turns pages. */
const PAGER = 52;

/**
 * Everybody in the room: equal tiles on pages, or a stage with a strip of people beside it while a
 * screen is shared or a tile is pinned.
 *
 * @csspart stage - The large picture.
 * @csspart strip - The people beside it.
 */
export class GridElement extends RoomPart {
  static override styles = [baseStyles, buttonStyles, gridStyles];
  static override properties = {
    room: { attribute: false },
    box: { state: true },
    page: { state: true },
    pinned: { state: true },
  };

  /** The room to show. */
  declare room: Room | undefined;
  private declare box: Box;
  private declare page: number;
  /** The key of the picture that was made large by hand. */
  private declare pinned: string | undefined;

  /** Keys of screens that were put aside by hand. */
  readonly #hidden = new Set<string>();
  readonly #observer = new ResizeObserver((entries) => {
    const size = entries.at(-1)?.contentRect;
    if (size !== undefined) this.box = { width: size.width, height: size.height };
  });

  constructor() {
    super();
    this.box = { width: 0, height: 0 };
    this.page = 0;
    this.pinned = undefined;
    new RoomController(this, {
      connectionStateChanged: undefined,
      participantConnected: undefined,
      participantDisconnected: undefined,
      trackPublished: undefined,
      trackUnpublished: undefined,
      trackMuted: undefined,
      trackUnmuted: undefined,
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  override render(): TemplateResult {
    const { room } = this;
    if (room === undefined) return html``;
    const pictures = { people: people(room), screens: screens(room) };
    const large = stage(pictures, this.pinned, this.#hidden);
    return large === undefined
      ? this.#tiles([...pictures.screens, ...pictures.people])
      : this.#stage(large, [...pictures.screens, ...pictures.people]);
  }

  #tiles(all: Picture[]): TemplateResult {
    const size = pageSize(this.box);
    const pages = pageCount(all.length, size);
    const page = Math.min(this.page, pages - 1);
    const shown = all.slice(page * size, (page + 1) * size);
    // Pages are laid out alike, so that the last one does not jump to a few large tiles.
    const box = pages > 1 ? { ...this.box, height: this.box.height - PAGER } : this.box;
    const { tile } = gridLayout(box, pages > 1 ? size : shown.length, GAP);
    const lengths = `--tile-width: ${tile.width}px; --tile-height: ${tile.height}px; --oriel-gap: ${GAP}px`;
    return html`
      <div class="area pages" .style=${lengths}>
        <div class="tiles" role="list" aria-label=${this.texts.peopleInRoom}>
          ${repeat(
            shown,
            (picture) => picture.key,
            (picture) => this.#tile(picture, all.length > 1),
          )}
        </div>
        ${pages > 1 ? this.#pager(page, pages) : nothing}
      </div>
    `;
  }

  #stage(large: Picture, all: Picture[]): TemplateResult {
    const others = all.filter((picture) => picture.key !== large.key);
    const participant = large.participant;
    return html`
      <div class="area with-stage ${stripSide(this.box)}" .style=${`--oriel-gap: ${GAP}px`}>
        <oriel-tile
          part="stage"
          exportparts=${ALL_PARTS}
          data-testid=${large.picture === 'camera' ? 'tile' : 'screen'}
          role="group"
          aria-label=${large.picture === 'camera' ? participant.name : this.texts.screenOf(participant.name)}
          .room=${this.room}
          .language=${this.language}
          .participant=${participant}
          .picture=${large.picture}
          .pinned=${true}
          .pinnable=${true}
          @oriel-pin=${() => this.#unpin(large)}
        ></oriel-tile>
        <div class="strip" part="strip" role="list" aria-label=${this.texts.peopleInRoom}>
          ${repeat(
            others,
            (picture) => picture.key,
            (picture) => this.#tile(picture, true),
          )}
        </div>
      </div>
    `;
  }

  #tile(picture: Picture, pinnable: boolean): TemplateResult {
    return html`<oriel-tile
      role="listitem"
      exportparts=${ALL_PARTS}
      data-testid=${picture.picture === 'camera' ? 'tile' : 'screen'}
      .room=${this.room}
      .language=${this.language}
      .participant=${picture.participant}
      .picture=${picture.picture}
      .pinnable=${pinnable}
      @oriel-pin=${() => this.#pin(picture)}
    ></oriel-tile>`;
  }

  #pager(page: number, pages: number): TemplateResult {
    const turn = (by: number) => () => {
      this.page = page + by;
    };
    const button = (name: 'previous' | 'next', words: string, by: number) => html`<button
      type="button"
      class="icon-button"
      part="button"
      aria-label=${words}
      ?disabled=${page + by < 0 || page + by >= pages}
      @click=${turn(by)}
    >
      ${icon(name)}
    </button>`;
    const words = this.texts.grid;
    return html`<div class="pager" role="group" aria-label=${words.pages}>
      ${button('previous', words.previous, -1)}
      <p><span class="visually-hidden">${words.page} </span>${page + 1} / ${pages}</p>
      ${button('next', words.next, 1)}
    </div>`;
  }

  #pin(picture: Picture): void {
    this.#hidden.delete(picture.key);
    this.pinned = picture.key;
  }

  #unpin(picture: Picture): void {
    // Unpinning a person during a screen share goes back to the screen; a screen goes back into the grid.
    if (picture.picture === 'screen_share') this.#hidden.add(picture.key);
    this.pinned = undefined;
    this.requestUpdate();
  }
}
