/** Gives an element its texts in the language that is wanted, and draws it again when they have come. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { type Catalogues, type Code, type Language, spoken } from './language.ts';

export class Reader<Texts> implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #catalogues: Catalogues<Texts>;
  readonly #wanted: () => readonly string[];
  #code: Code | undefined;
  #language: Language<Texts>;
  #isReady = false;

  /** `wanted` says the tags, the best first; it is asked at each drawing. */
  constructor(host: ReactiveControllerHost, catalogues: Catalogues<Texts>, wanted: () => readonly string[]) {
    this.#host = host;
    this.#catalogues = catalogues;
    this.#wanted = wanted;
    this.#language = catalogues.english;
    host.addController(this);
  }

  /** The language at hand: the one before until another has come, English before the first. */
  get language(): Language<Texts> {
    return this.#language;
  }

  /** Whether the first one that was wanted has come. */
  get isReady(): boolean {
    return this.#isReady;
  }

  hostUpdate(): void {
    const code = spoken(this.#wanted());
    if (code === this.#code) return;
    this.#code = code;
    if (code === 'en') this.#set(this.#catalogues.english);
    else void this.#load(code);
  }

  async #load(code: Code): Promise<void> {
    // Whoever cannot have the catalogue reads English rather than nothing.
    const language = await this.#catalogues.choose([code]).catch(() => this.#catalogues.english);
    if (this.#code !== code) return;
    this.#set(language);
    this.#host.requestUpdate();
  }

  #set(language: Language<Texts>): void {
    this.#language = language;
    this.#isReady = true;
  }
}
