/** A small chart: one or two lines over the last minutes, as SVG. */
import { html, svg, type TemplateResult } from 'lit';

const WIDTH = 300;
const HEIGHT = 64;

/** `lines` have the newest value last; `length` values fill the width. `most` is the least height of the scale. */
export function chart(label: string, lines: readonly (readonly number[])[], length: number, most: number): TemplateResult {
  const scale = Math.max(most, ...lines.flat());
  const [first = []] = lines;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
    ${first.length > 1 ? svg`<path class="area" d="${pathOf(first, length, scale)} V${HEIGHT} H${x(length - first.length, length)} Z" />` : ''}
    ${lines.map((line, index) => svg`<path class="line line-${index}" vector-effect="non-scaling-stroke" d=${pathOf(line, length, scale)} />`)}
  </svg>`;
}

/** The path of one line, from its oldest value to the right edge. */
export function pathOf(line: readonly number[], length: number, scale: number): string {
  const point = (value: number, index: number): string => {
    return `${x(length - line.length + index, length)} ${round(HEIGHT - 2 - (value / scale) * (HEIGHT - 4))}`;
  };
  return line.length === 0 ? '' : `M${line.map(point).join(' L')}`;
}

function x(index: number, length: number): number {
  return round((index / Math.max(1, length - 1)) * WIDTH);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
