/**
 * Gives the focus to what somebody will type into; to the heading on a phone, where the keyboard
 * would come up and cover what was opened.
 */
export function focusPanel(root: ParentNode, field: string): void {
  const selector = matchMedia('(pointer: coarse)').matches ? 'h2' : field;
  root.querySelector<HTMLElement>(selector)?.focus();
}

/** What has the focus, inside shadow roots too; `undefined` if nothing in particular has it. */
export function focusedElement(): HTMLElement | undefined {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element instanceof HTMLElement && element !== document.body ? element : undefined;
}
