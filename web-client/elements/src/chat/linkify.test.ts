import { describe, expect, it } from 'vitest';
import { linkify } from './linkify.ts';

const links = (text: string) =>
  linkify(text)
    .filter((piece) => piece.href !== undefined)
    .map((piece) => piece.text);

describe('linkify', () => {
  it.each([
    ['see https://example.org/a?b=c#d', ['https://example.org/a?b=c#d']],
    ['(https://example.org/wiki/Oriel_(window)).', ['https://example.org/wiki/Oriel_(window)']],
    ['at www.example.org, or http://localhost:7880/r/tea!', ['www.example.org', 'http://localhost:7880/r/tea']],
    ['“https://example.org”', ['https://example.org']],
    ['no links here: example.org', []],
    ['javascript:alert(1) data:text/html,x vbscript:x', []],
    ['https:// and http://', []],
  ])('finds the links of %j', (text, found) => {
    expect(links(text)).toEqual(found);
  });

  it('loses no character', () => {
    const text = 'a https://x.example/<b>"q" www.y.example. https://[bad\nlast';
    expect(
      linkify(text)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text);
  });

  it('gives nothing but web addresses', () => {
    for (const { href } of linkify('www.example.org HTTPS://EXAMPLE.ORG/x http://a@b.example/')) {
      if (href !== undefined) expect(href).toMatch(/^https?:\/\//u);
    }
  });
});
