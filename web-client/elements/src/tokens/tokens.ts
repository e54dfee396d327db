/**
 * The design tokens: every colour, radius, distance and font of the elements, in one place.
 *
 * Each is a custom property `--oriel-*` that a page may set on any ancestor. The defaults stand in
 * `:where()`, so they weigh nothing: a page's own `:root { --oriel-accent: … }` wins wherever it is
 * written. Colours are `light-dark()` pairs and follow the `color-scheme` of the element that uses
 * them; see `base.styles.ts` for the `data-theme` override.
 */
import { css } from 'lit';

export const tokens = css`
  :where(:root) {
    /* Grounds, from the back to the front. */
    --oriel-canvas: light-dark(#f1f2ee, #0e1312);
    --oriel-surface: light-dark(#ffffff, #171d1c);
    --oriel-raised: light-dark(#ffffff, #212928);
    --oriel-sunken: light-dark(#e7e9e4, #0a0e0d);
    --oriel-line: light-dark(#d9dcd5, #2d3735);
    /* Edges of what can be pressed or filled in: 3:1 against every ground. */
    --oriel-edge: light-dark(#858d88, #6d7a76);

    --oriel-text: light-dark(#16201d, #eef3f1);
    --oriel-text-soft: light-dark(#505b57, #a9b5b1);

    --oriel-accent: light-dark(#0a6b5c, #58cfb6);
    --oriel-accent-strong: light-dark(#075548, #7fdfca);
    --oriel-on-accent: light-dark(#ffffff, #04231c);
    --oriel-accent-soft: light-dark(#d8ede7, #16372f);
    --oriel-on-accent-soft: light-dark(#064e42, #a5ecdc);

    --oriel-danger: light-dark(#bd2730, #cf333b);
    --oriel-danger-strong: light-dark(#9c1b24, #b3242c);
    --oriel-on-danger: #ffffff;
    /* What is wrong, in words on any ground. */
    --oriel-danger-text: light-dark(#b3222b, #ff9d99);
    --oriel-danger-soft: light-dark(#fbe3e1, #43191b);
    --oriel-on-danger-soft: light-dark(#8f1720, #ffc9c7);

    --oriel-notice-soft: light-dark(#fdf0cf, #3a2f10);
    --oriel-on-notice-soft: light-dark(#5f4600, #f8dd94);

    /* On top of pictures, whatever the theme. */
    --oriel-scrim: rgb(10 16 14 / 68%);
    --oriel-on-scrim: #ffffff;
    --oriel-speaking: light-dark(#0f9a7f, #4fe0bf);

    --oriel-focus: light-dark(#0b57d0, #9cc3ff);

    --oriel-radius-small: 8px;
    --oriel-radius: 12px;
    --oriel-radius-large: 18px;
    --oriel-radius-round: 999px;

    --oriel-gap: 10px;
    --oriel-shadow: 0 1px 2px light-dark(rgb(20 30 26 / 8%), rgb(0 0 0 / 40%)),
      0 6px 24px light-dark(rgb(20 30 26 / 10%), rgb(0 0 0 / 45%));

    /* What each desktop calls its own first; then what Linux has, narrow before wide. */
    --oriel-font: -apple-system, "Segoe UI", Roboto, Inter, "Noto Sans", "Liberation Sans", system-ui, sans-serif;
    --oriel-font-size: 15px;

    --oriel-quick: 140ms;
  }

  @media (prefers-reduced-motion: reduce) {
    :where(:root) {
      --oriel-quick: 0ms;
    }
  }
`;

const installed = new WeakSet<Document>();

/** Gives `document` the default tokens. Doing it again changes nothing. */
export function installTokens(document: Document): void {
  const sheet = tokens.styleSheet;
  if (installed.has(document) || sheet === undefined) return;
  installed.add(document);
  // First, so that whatever the page adopts later stands behind it.
  document.adoptedStyleSheets = [sheet, ...document.adoptedStyleSheets];
}
