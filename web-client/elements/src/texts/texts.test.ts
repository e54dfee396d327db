import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeEach, describe, expect, it } from 'vitest';
import '../call/call.ts';
import { english as drop } from '../files/texts/english.ts';
import { arabic as dropInArabic } from '../files/texts/arabic.ts';
import type { RoomViewElement } from '../room/room-view.element.ts';
import '../room/room-view.ts';
import { asParticipant, FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import { arabic } from './arabic.ts';
import { english } from './english.ts';
import { plural } from './forms.ts';
import { spoken } from './language.ts';
import { roomTexts } from './texts.ts';

/** Where elements and pages are. */
const SOURCES = [join(import.meta.dirname, '..'), join(import.meta.dirname, '../../../app/src')];
/** Files of which nothing is asked: looks, tests, snippets of code, what `/embed.js` says by its own small catalogue, and the demonstration of cursors, which speaks English. */
const LEFT_OUT = /\.test\.ts$|\.styles\.ts$|^testing\/|texts\/|snippets\.ts$|embed\/words\.ts$|^cursors\//u;
/** Attributes that are read out or shown. */
const SPOKEN = /(?:aria-label|title|placeholder|alt|label)="([^"]*)"/gu;
/** What is the same in every language: our name, names of browsers, keys, a command, and units. */
const SAME = new Set(['Oriel', 'Edg', 'Edge', 'M', 'V', 'D', 'oriel token --observe', '×', 'h', 'min', 'd', 's']);

/** All texts of a template or of a plain string in a file that somebody may read. */
function textsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    // Errors of wrong use are for whoever writes the page.
    if (ts.isThrowStatement(node) || (ts.isNewExpression(node) && node.expression.getText().endsWith('Error')) || ts.isImportDeclaration(node) || ts.isTypeNode(node)) return;
    if (ts.isTaggedTemplateExpression(node) && /^(?:html|svg)$/u.test(node.tag.getText())) {
      const { template } = node;
      const parts = ts.isNoSubstitutionTemplateLiteral(template)
        ? [template.text]
        : [template.head.text, ...template.templateSpans.map((span) => span.literal.text)];
      found.push(...shown(parts.join('{}')));
    } else if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
      if (isSentence(node.text) && !isName(node)) found.push(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found.filter((text) => !SAME.has(text));
}

/** What a template shows and says itself. */
function shown(template: string): string[] {
  const attributes = [...template.matchAll(SPOKEN)].map(([, text]) => text!);
  const text = template.replace(/<[^>]*>/gu, '\n').split('\n');
  return [...attributes, ...text].map((one) => one.replaceAll('{}', '').trim()).filter((one) => /\p{L}/u.test(one));
}

/** Begins as one: `Share screen`, `No rooms`. */
function isSentence(text: string): boolean {
  return /^\p{Lu}\p{Ll}+(?:$|[ .,…])/u.test(text);
}

/** A name of the browser's: what a key is called, what it is compared with. */
function isName(node: ts.Node): boolean {
  return ts.isBinaryExpression(node.parent) || ts.isCaseClause(node.parent) || /startsWith|includes|has/u.test(node.parent.getText().split('(')[0] ?? '');
}

/** Every text of a catalogue by its path; those with arguments for 31, 47 and 53. */
function flatten(catalogue: object, path = ''): Map<string, string> {
  const all = new Map<string, string>();
  for (const [key, value] of Object.entries(catalogue) as [string, unknown][]) {
    const here = `${path}${key}`;
    if (typeof value === 'string') all.set(here, value);
    else if (typeof value === 'function' && here !== 'problem') all.set(here, String((value as (...numbers: number[]) => string)(31, 47, 53)));
    else if (typeof value === 'object' && value !== null) for (const [one, text] of flatten(value, `${here}.`)) all.set(one, text);
  }
  return all;
}

/** Which of the arguments are in a text, in whichever digits. */
function argumentsIn(text: string): string[] {
  const latin = text.replace(/[٠-٩]/gu, (digit) => String(digit.charCodeAt(0) - 0x660));
  return ['31', '47', '53'].filter((number) => latin.includes(number));
}

describe('what elements and pages say', () => {
  it.each(SOURCES)('stands in catalogues alone, in %s', (folder) => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (file) => file.endsWith('.ts') && !LEFT_OUT.test(file),
    );
    expect(files.length).toBeGreaterThan(15);
    const found = files.flatMap((file) => textsIn(join(folder, file)).map((text) => `${file}: ${text}`));
    expect(found).toEqual([]);
  });

  it.each([
    ['rooms', english, arabic],
    ['the file drop', drop, dropInArabic],
  ])('has the same arguments in both languages: %s', (_, mine, theirs) => {
    const translated = flatten(theirs);
    for (const [path, text] of flatten(mine)) expect([path, argumentsIn(translated.get(path) ?? '')]).toEqual([path, argumentsIn(text)]);
  });
});

describe('spoken', () => {
  it('takes the first language that there is', () => {
    expect(spoken(['de-DE', 'AR-eg', 'en'])).toBe('ar');
    expect(spoken(['en-GB', 'ar'])).toBe('en');
    expect(spoken(['arn', 'eng'])).toBe('en');
    expect(spoken([])).toBe('en');
  });
});

describe('plural', () => {
  it('has the forms of Arabic', () => {
    const say = (count: number) => plural('ar')(count, { one: 'واحد', two: 'اثنان', few: 'جمع', many: 'تمييز', other: 'مفرد' });
    expect([1, 2, 3, 11, 100].map(say)).toEqual(['واحد', 'اثنان', 'جمع', 'تمييز', 'مفرد']);
  });

  it('writes the number', () => {
    expect(plural('en')(1200, { one: '# room', other: '# rooms' })).toBe('1,200 rooms');
  });
});

describe('a room in Arabic', () => {
  /** Latin letters where somebody looks or listens, names (of browsers, too) and keys aside. */
  const latin = (root: HTMLElement & { renderRoot: HTMLElement | DocumentFragment }): string[] => {
    const spoken = findAll(root as never, '*').flatMap((one) => [
      ...['aria-label', 'title', 'placeholder'].map((name) => one.getAttribute(name) ?? ''),
      ...[...one.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE && one.localName !== 'style').map((child) => child.textContent ?? ''),
    ]);
    const names = /Ada Lovelace|Grace Hopper|Wanda|quiet-river-stone|localhost\S*|\([A-Z]\)|Esc|hello|AL|GH|Chrome|Edge|Firefox|Safari/gu;
    return spoken.map((text) => text.replace(names, '').trim()).filter((text) => /\p{Script=Latin}{2}/u.test(text));
  };
  let room: FakeRoom;

  beforeEach(() => {
    // Not there in happy-dom.
    HTMLElement.prototype.showPopover = () => undefined;
    room = new FakeRoom();
    room.enter('p1', 'Grace Hopper').set('microphone', true).hand = 1;
  });

  it('says nothing in English, whatever is open', async () => {
    const language = await roomTexts.choose(['ar']);
    room.localParticipant.role = 'moderator';
    room.waiting = [{ id: 'w1', identity: 'w1', name: 'Wanda' } as never];
    const call = await mount(document.createElement('oriel-call'), { room: room.asRoom, link: '', language });
    room.tell('lobbyChanged', room.waiting);
    room.tell('unmuteAsked', { source: 'microphone' } as never, asParticipant(room.remoteParticipants.get('p1')!));
    room.say(room.localParticipant, 'hello');
    for (const panel of ['chat', 'people'] as const) {
      call.togglePanel(panel);
      await settle(call);
      expect(latin(call)).toEqual([]);
    }
    find(call, '[data-testid="person-menu"]').click();
    for (const dialog of ['oriel-settings', 'oriel-help', 'oriel-steering'] as const) find<HTMLElementTagNameMap[typeof dialog]>(call, dialog).show();
    await settle(call);
    await settle(call);
    expect(findAll(call, 'dialog')).toHaveLength(3);
    expect(latin(call)).toEqual([]);
  });

  it('has its door in the language and direction that were asked for, and follows when they change', async () => {
    const view: RoomViewElement = await mount(document.createElement('oriel-room-view'), { lang: 'ar-EG', roomName: 'quiet-river-stone' });
    await expect.poll(() => findAll(view, 'h1').map(words)).toEqual([arabic.prejoin.title]);
    expect(find(view, '.spoken')).toMatchObject({ lang: 'ar', dir: 'rtl' });
    await settle(view);
    expect(latin(view)).toEqual([]);
    view.lang = 'en';
    await settle(view);
    await settle(view);
    expect(words(find(view, 'h1'))).toBe(english.prejoin.title);
    expect(find(view, '.spoken')).toMatchObject({ lang: 'en', dir: 'ltr' });
  });
});
