import { describe, expect, it } from 'vitest';
import { search } from './search.ts';

const people = ['Ada Lovelace', 'Élodie Martin', 'Grace Hopper', 'room-camera'].map((name) => ({ name }));
const names = (query: string) => search(people, query).map((person) => person.name);

describe('search', () => {
  it('finds everybody with nothing asked', () => {
    expect(names('  ')).toHaveLength(4);
  });

  it.each([
    ['ada', ['Ada Lovelace']],
    ['elod', ['Élodie Martin']],
    ['h g', ['Grace Hopper']],
    ['camera', ['room-camera']],
    ['m', ['Élodie Martin']],
    ['lace', []],
  ])('%j finds %j', (query, found) => {
    expect(names(query)).toEqual(found);
  });
});
