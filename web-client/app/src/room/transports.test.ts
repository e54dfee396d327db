import { expect, it } from 'vitest';
import { transportsOf } from './transports.ts';

it('takes the ways that the address names, and the usual ones without', () => {
  expect(transportsOf('?relay&transports=http,pigeon,webtransport')).toEqual(['webtransport', 'http']);
  for (const query of ['', '?transports=', '?transports=pigeon']) expect(transportsOf(query)).toBeUndefined();
});
