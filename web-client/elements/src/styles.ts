/** `@oriel/elements/styles`: the look without the elements, for pages around them, and what they do alike. */
export { hue } from './avatar/avatar.ts';
export { WakeLock } from './call/wake-lock.ts';
export { copyText } from './copy-link/clipboard.ts';
export { define, OrielElement } from './element/element.ts';
export { icon, type IconName, iconNames, mark } from './icons/icon.ts';
export { baseStyles } from './styles/base.styles.ts';
export { buttonStyles } from './styles/button.styles.ts';
export { fieldStyles } from './styles/field.styles.ts';
export { installTokens, tokens } from './tokens/tokens.ts';
export { plural } from './texts/forms.ts';
export { Catalogues, type Language, speak, spoken, wanted } from './texts/language.ts';
