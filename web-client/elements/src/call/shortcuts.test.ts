import { describe, expect, it } from 'vitest';
import { isPressable, isTyping, shortcutFor } from './shortcuts.ts';

const key = (name: string, held: Partial<Record<'altKey' | 'ctrlKey' | 'metaKey' | 'isComposing', boolean>> = {}) => ({
  key: name,
  altKey: false,
  ctrlKey: false,
  metaKey: false,
  isComposing: false,
  ...held,
});

function element(markup: string): HTMLElement {
  const template = document.createElement('template');
  template.innerHTML = markup;
  return template.content.firstElementChild as HTMLElement;
}

describe('shortcutFor', () => {
  it.each([
    ['m', 'microphone'],
    ['M', 'microphone'],
    ['v', 'camera'],
    ['d', 'screen'],
    ['c', 'chat'],
    ['p', 'people'],
    ['?', 'help'],
    [' ', 'talk'],
  ])('%j is %s', (name, shortcut) => {
    expect(shortcutFor(key(name))).toBe(shortcut);
  });

  it('leaves other keys and combinations to the browser', () => {
    expect(shortcutFor(key('x'))).toBeUndefined();
    expect(shortcutFor(key('c', { ctrlKey: true }))).toBeUndefined();
    expect(shortcutFor(key('p', { metaKey: true }))).toBeUndefined();
    expect(shortcutFor(key('d', { altKey: true }))).toBeUndefined();
    expect(shortcutFor(key('m', { isComposing: true }))).toBeUndefined();
  });
});

describe('isTyping', () => {
  it.each(['<input>', '<input type="search">', '<textarea></textarea>', '<select></select>'])('in %s', (markup) => {
    expect(isTyping(element(markup))).toBe(true);
  });

  it.each(['<button></button>', '<input type="checkbox">', '<div></div>'])('not in %s', (markup) => {
    expect(isTyping(element(markup))).toBe(false);
  });
});

describe('isPressable', () => {
  it('tells what the space bar presses', () => {
    expect(isPressable(element('<button></button>'))).toBe(true);
    expect(isPressable(element('<a href="/x"></a>'))).toBe(true);
    expect(isPressable(element('<p></p>'))).toBe(false);
  });
});
