/** Reads what the room page shows and plays, through open shadow roots, by its `data-testid` hooks. */
import { readPicture, readTone, type Picture } from './reading.ts';

/** One tile of the grid. */
export interface Tile {
  readonly participant: string;
  readonly identity: string;
  readonly local: boolean;
  readonly mutedAudio: boolean;
  readonly mutedVideo: boolean;
  /** Its video is shown as in a mirror. */
  readonly mirrored: boolean;
  /** Everything that the tile says. */
  readonly text: string;
  /** What its video shows, if it shows any. */
  readonly picture?: Picture;
  /** The tone of the participant's audio in hertz, if it sounds. */
  readonly tone?: number;
}

/** Every tile with that `data-testid`, in the order of the page. */
export async function tiles(testId: 'tile' | 'screen'): Promise<Tile[]> {
  const audios = all('remote-audio').filter((element) => element instanceof HTMLMediaElement);
  return Promise.all(all(testId).map((tile) => readTile(tile, audios)));
}

async function readTile(tile: HTMLElement, audios: HTMLMediaElement[]): Promise<Tile> {
  const { participant = '', identity = '', local, mutedAudio, mutedVideo } = tile.dataset;
  const visible = { opacityProperty: true, visibilityProperty: true };
  const video = deep(tile, 'video').find((element) => element.checkVisibility(visible));
  const picture = video instanceof HTMLVideoElement ? readPicture(video) : undefined;
  const tones = await Promise.all(
    audios.filter((audio) => audio.dataset.participant === participant).map((audio) => readTone(audio)),
  );
  const tone = tones.find((heard) => heard !== undefined);
  return {
    participant,
    identity,
    local: isSet(local),
    mutedAudio: isSet(mutedAudio),
    mutedVideo: isSet(mutedVideo),
    mirrored: video !== undefined && new DOMMatrix(getComputedStyle(video).transform).a < 0,
    text: textOf(tile),
    ...(picture && { picture }),
    ...(tone !== undefined && { tone }),
  };
}

/** What each element with that `data-testid` says. */
export function texts(testId: string): string[] {
  return all(testId).map(textOf);
}

/** Participants whose audio the page has an element for. */
export function audioParticipants(): string[] {
  return all('remote-audio').map((element) => element.dataset.participant ?? '');
}

function all(testId: string): HTMLElement[] {
  return deep(document, `[data-testid="${testId}"]`).filter((element) => element instanceof HTMLElement);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== 'false';
}

/** `querySelectorAll` through open shadow roots, in document order. */
function deep(root: ParentNode, selector: string): Element[] {
  const found: Element[] = [];
  const walk = (parent: ParentNode) => {
    for (const element of parent.children) {
      if (element.matches(selector)) found.push(element);
      if (element.shadowRoot) walk(element.shadowRoot);
      walk(element);
    }
  };
  if (root instanceof Element && root.shadowRoot) walk(root.shadowRoot);
  walk(root);
  return found;
}

function textOf(root: Node): string {
  const parts: string[] = [];
  const walk = (node: Node) => {
    if (node instanceof HTMLStyleElement || node instanceof HTMLScriptElement) return;
    if (node instanceof Text) parts.push(node.data);
    if (node instanceof Element && node.shadowRoot) walk(node.shadowRoot);
    node.childNodes.forEach(walk);
  };
  walk(root);
  return parts.join(' ').replace(/\s+/g, ' ').trim();
}
