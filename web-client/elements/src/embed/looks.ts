/**
 * The look that a page gives to a room, for one in a frame: its custom properties and its rules for parts, read off the
 * page as data and written again inside. Nothing of the page's text becomes a style sheet.
 */
import { tokenNames } from '../tokens/names.ts';
import { PARTS } from '../element/parts.ts';
import { type Looks, type PartRule } from './contract.ts';

/** A selector for one part, with at most one pseudo-class behind it. */
const PART = /^(.*)::part\(\s*([a-z-]+)\s*\)(?::([a-z-]+))?$/u;
/** Nothing that a page writes may have the frame load something. */
const LOADS = /url\(|image-set\(|src\(/iu;

/** What the page says of `element`: the rules that match it now, in their order. */
export function gatherLooks(element: HTMLElement): Looks {
  const style = getComputedStyle(element);
  const properties = tokenNames
    .map((name) => [name, style.getPropertyValue(name).trim()] as const)
    .filter(([, value]) => value !== '');
  const root = element.getRootNode() as Document | ShadowRoot;
  const sheets = [...document.styleSheets, ...document.adoptedStyleSheets, ...(root === document ? [] : [...root.styleSheets, ...root.adoptedStyleSheets])];
  const rules = sheets.flatMap((sheet) => partRules(rulesOf(sheet), element, style));
  return { properties, rules, scheme: style.colorScheme };
}

/** Writes it into a document whose room is `selector`. The sheet is the one of the last time. */
export function applyLooks({ properties, rules, scheme }: Looks, selector: string, sheet: CSSStyleSheet): void {
  sheet.replaceSync('');
  write(sheet, ':root', properties);
  for (const { part, state, declarations } of rules) write(sheet, `${selector}::part(${part})${state === '' ? '' : `:${state}`}`, declarations);
  write(sheet, ':root', [['color-scheme', scheme === 'normal' ? 'light' : scheme]]);
}

function write(sheet: CSSStyleSheet, selector: string, declarations: PartRule['declarations']): void {
  const at = sheet.insertRule(`${selector} {}`, sheet.cssRules.length);
  const { style } = sheet.cssRules[at] as CSSStyleRule;
  for (const [name, value] of declarations) if (!LOADS.test(value)) style.setProperty(name, value);
}

function rulesOf(sheet: CSSStyleSheet): CSSRuleList | undefined {
  try {
    return sheet.disabled ? undefined : sheet.cssRules;
  } catch {
    // Of another origin: nobody may read it.
    return undefined;
  }
}

function partRules(rules: CSSRuleList | undefined, element: HTMLElement, style: CSSStyleDeclaration): PartRule[] {
  return [...(rules ?? [])].flatMap((rule) => {
    if (rule instanceof CSSStyleRule) return readRule(rule, element, style);
    if (rule instanceof CSSMediaRule && !matchMedia(rule.conditionText).matches) return [];
    if (rule instanceof CSSSupportsRule && !CSS.supports(rule.conditionText)) return [];
    return 'cssRules' in rule ? partRules(rule.cssRules as CSSRuleList, element, style) : [];
  });
}

function readRule(rule: CSSStyleRule, element: HTMLElement, style: CSSStyleDeclaration): PartRule[] {
  if (!rule.selectorText.includes('::part(')) return [];
  return rule.selectorText.split(/,(?![^(]*\))/u).flatMap((selector) => {
    const [, host = '', part = '', state = ''] = PART.exec(selector.trim()) ?? [];
    if (!(PARTS as readonly string[]).includes(part) || !element.matches(host === '' ? '*' : host)) return [];
    return [{ part, state, declarations: declarationsOf(rule.style.cssText, style) }];
  });
}

/** Declarations as they are written: what the page's own variables say is put in their place. */
function declarationsOf(text: string, style: CSSStyleDeclaration): [string, string][] {
  return text.split(/;(?![^(]*\))/u).flatMap((declaration) => {
    const colon = declaration.indexOf(':');
    const name = declaration.slice(0, colon).trim();
    const value = declaration.slice(colon + 1).replace(/!\s*important\s*$/iu, '');
    const filled = value.replace(/var\(\s*(--[\w-]+)\s*(?:,[^()]*)?\)/gu, (whole, property: string) => style.getPropertyValue(property) || whole);
    return name === '' || LOADS.test(filled) ? [] : [[name, filled.trim()]];
  });
}
