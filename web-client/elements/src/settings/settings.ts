import { define } from '../element/element.ts';
import { SettingsElement } from './settings.element.ts';

define('oriel-settings', SettingsElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-settings': SettingsElement;
  }
}
