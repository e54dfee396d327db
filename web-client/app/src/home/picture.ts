/** The picture of the start page: a bay window with somebody in each light. */
import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit';

/** Somebody behind the glass, `x` and `y` being the middle of the shoulders. */
function person(x: number, y: number, size: number, hue: number): SVGTemplateResult {
  const head = `light-dark(oklch(58% 0.095 ${hue}), oklch(66% 0.09 ${hue}))`;
  const body = `light-dark(oklch(48% 0.09 ${hue}), oklch(54% 0.085 ${hue}))`;
  return svg`<g transform="translate(${x} ${y}) scale(${size})">
    <path style="fill:${body}" d="M-46 0c0-29 20-48 46-48s46 19 46 48Z"/>
    <circle style="fill:${head}" cy="-74" r="25"/>
  </g>`;
}

/** A pane of glass with somebody in it. */
function light(points: string, hue: number, inside: SVGTemplateResult, name: string): SVGTemplateResult {
  const glass = `light-dark(oklch(91% 0.035 ${hue}), oklch(29% 0.034 ${hue}))`;
  return svg`
    <clipPath id=${name}><polygon points=${points}/></clipPath>
    <g clip-path="url(#${name})">
      <polygon points=${points} style="fill:${glass}"/>
      ${inside}
    </g>`;
}

/** The picture; it says nothing that the words do not. */
export function picture(): TemplateResult {
  return html`<svg class="picture" viewBox="0 0 520 440" aria-hidden="true" focusable="false">
    <ellipse cx="260" cy="404" rx="226" ry="18" style="fill:light-dark(rgb(20 40 34 / 9%),rgb(0 0 0 / 35%))" />
    <polygon
      points="28,110 146,52 374,52 492,110 492,352 374,396 146,396 28,352"
      style="fill:var(--oriel-accent);stroke:var(--oriel-accent);stroke-width:18;stroke-linejoin:round"
    />
    ${light('40,120 136,72 136,374 40,340', 250, person(88, 384, 0.95, 250), 'left')}
    ${light('158,68 362,68 362,222 158,222', 165, person(260, 222, 1.25, 165), 'middle')}
    ${light('158,242 362,242 362,380 158,380', 65, person(260, 380, 1.05, 65), 'below')}
    ${light('384,72 480,120 480,340 384,374', 20, person(432, 384, 0.95, 20), 'right')}
    <rect x="162" y="72" width="196" height="146" rx="3" style="fill:none;stroke:var(--oriel-speaking);stroke-width:6" />
    <g transform="translate(322 98)">
      <rect x="-8" y="-8" width="36" height="30" rx="10" style="fill:var(--oriel-scrim)" />
      <path d="M2 3v8M10 -1v16M18 4v6" style="fill:none;stroke:#6ff0d2;stroke-width:4;stroke-linecap:round" />
    </g>
    <g transform="translate(366 20)">
      <path
        d="M18 0h86a18 18 0 0 1 18 18v22a18 18 0 0 1-18 18H46L24 76V58h-6A18 18 0 0 1 0 40V18A18 18 0 0 1 18 0Z"
        style="fill:var(--oriel-raised);stroke:var(--oriel-line);stroke-width:2"
      />
      <path d="M24 22h72M24 37h44" style="fill:none;stroke:var(--oriel-text-soft);stroke-width:6;stroke-linecap:round" />
    </g>
  </svg>`;
}
