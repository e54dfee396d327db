import { describe, expect, it } from 'vitest';
import { complaintAbout, pathToOffer, storedPaths } from '../src/names.ts';

describe('names', () => {
  it.each([
    ['photo.jpg', 'photo.jpg'],
    ['a//b/./c', 'a/b/c'],
    ['../../etc/passwd', 'etc/passwd'],
    ['tab\there', 'tabhere'],
    ['back\\slash', 'back_slash'],
    ['..', 'file'],
    ['e\u0301', '\u00e9'],
  ])('offers %j as %j, which nobody complains about', (path, offered) => {
    expect(pathToOffer(path)).toBe(offered);
    expect(complaintAbout(offered)).toBeUndefined();
  });

  it.each(['', '.', '..', 'a/../b', '/a', 'a/', 'a//b', 'a\\b', 'a\nb', 'a\u007fb', 'a\u202eb', 'é'.repeat(128), 'x/'.repeat(600) + 'x'])(
    'complains about %j',
    (path) => expect(complaintAbout(path)).toBeDefined(),
  );

  it.each([
    ['what?.txt', 'what_.txt'],
    ['a:b/c|d', 'a_b/c_d'],
    ['dots...', 'dots_'],
    ['space ', 'space_'],
    ['CON', '_CON'],
    ['nul.txt', '_nul.txt'],
    ['Lpt1.log', '_Lpt1.log'],
    ['console.log', 'console.log'],
    ['.env', '.env'],
  ])('stores %j as %j', (path, stored) => expect(storedPaths([path])).toEqual([stored]));

  it('stores no two under one name', () => {
    expect(storedPaths(['a:b.txt', 'a?b.txt', 'A_B.TXT', 'x/.rc', 'x/.RC'])).toEqual(['a_b.txt', 'a_b (2).txt', 'A_B (3).TXT', 'x/.rc', 'x/.RC (2)']);
  });
});
