/** What the parts of a room share: they say things, in the language of the room. */
import type { PropertyDeclarations } from 'lit';
import { type RoomLanguage, roomTexts, type Texts } from '../texts/texts.ts';
import { OrielElement } from './element.ts';

/** An element of a room. Set `language` to have it speak another one than English. */
export abstract class RoomPart extends OrielElement {
  static override properties: PropertyDeclarations = { language: { attribute: false } };

  /** What it speaks; English by default. */
  declare language: RoomLanguage;

  constructor() {
    super();
    this.language = roomTexts.english;
  }

  /** What it says. */
  protected get texts(): Texts {
    return this.language.texts;
  }
}
