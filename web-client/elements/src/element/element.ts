/** The common ground of the elements. */
import { LitElement } from 'lit';
import { installTokens } from '../tokens/tokens.ts';

/** How urgent a sentence for a screen reader is: after the reader's own sentence, or at once. */
export type Urgency = 'polite' | 'assertive';

/** `detail` of `oriel-announce`: say this, by the live regions of whichever element has them. */
export interface Announcement {
  readonly text: string;
  readonly urgency: Urgency;
}

/** A Lit element that brings the design tokens to its page. */
export abstract class OrielElement extends LitElement {
  override connectedCallback(): void {
    installTokens(this.ownerDocument);
    super.connectedCallback();
  }

  /** Tells the page: a bubbling event that leaves shadow roots. */
  protected tell<Detail>(name: `oriel-${string}`, detail?: Detail): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}

/** Registers a tag; a second copy of this package on the page leaves the first one's in place. */
export function define(tag: `oriel-${string}`, element: CustomElementConstructor): void {
  if (customElements.get(tag) === undefined) customElements.define(tag, element);
}
