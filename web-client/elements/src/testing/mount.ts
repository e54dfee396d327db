/** Putting elements on a page, for tests. */
import type { LitElement } from 'lit';

/** Mounts an element with these properties and waits for its first drawing. */
export async function mount<Element extends LitElement>(element: Element, properties: Partial<Element>): Promise<Element> {
  Object.assign(element, properties);
  document.body.replaceChildren(element);
  await settle(element);
  return element;
}

/** Waits until an element and everything inside it is drawn. */
export async function settle(element: LitElement): Promise<void> {
  await element.updateComplete;
  for (const child of element.renderRoot.querySelectorAll('*')) {
    if ('updateComplete' in child) await settle(child as LitElement);
  }
}

/** The first match inside an element, through all shadow roots. Throws if there is none. */
export function find<Found extends HTMLElement = HTMLElement>(element: LitElement, selector: string): Found {
  const [found] = findAll<Found>(element, selector);
  if (found === undefined) throw new Error(`nothing matches ${selector}`);
  return found;
}

/** All matches inside an element, through all shadow roots. */
export function findAll<Found extends HTMLElement = HTMLElement>(element: LitElement, selector: string): Found[] {
  const found = [...element.renderRoot.querySelectorAll<Found>(selector)];
  for (const child of element.renderRoot.querySelectorAll('*')) {
    if ('renderRoot' in child) found.push(...findAll<Found>(child as LitElement, selector));
  }
  return found;
}

/** The text of an element as it is read: spaces in a row are one. */
export function words(element: Element): string {
  return (element.textContent ?? '').replace(/\s+/gu, ' ').trim();
}
