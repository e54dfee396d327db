/** A link as a QR code. */
import { html, svg, type TemplateResult } from 'lit';
import { encode } from 'uqr';

/** Modules of quiet around it (ISO/IEC 18004 §9.1). */
const QUIET = 4;

/** The picture, with that name for those who do not see it. */
export function codePicture(link: string, name: string): TemplateResult {
  const { data, size } = encode(link, { ecc: 'M', border: QUIET });
  const dark = data.map((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')).join('')).join('');
  return html`<svg class="qr" viewBox="0 0 ${size} ${size}" role="img" aria-label=${name} shape-rendering="crispEdges">
    ${svg`<rect width=${size} height=${size} fill="#fff"/><path d=${dark} fill="#000"/>`}
  </svg>`;
}
