/** What the address and this tab know of a room for files. */
import { fragmentOf, type Invitation } from '@oriel/drop';

/** What this tab did before, so that a reload goes on without asking: the code, and as whom. */
const REMEMBERED = 'oriel.drop';

export interface Membership {
  readonly code: string;
  /** This page has made the code. */
  readonly isHost: boolean;
  readonly name: string;
  readonly isRelayOnly: boolean;
}

/** What this tab was in the room of that code, if it was. */
export function membershipOf(code: string): Membership | undefined {
  const read = JSON.parse(sessionStorage.getItem(REMEMBERED) ?? 'null') as Membership | null;
  return read?.code === code ? read : undefined;
}

export function remember(membership: Membership): void {
  sessionStorage.setItem(REMEMBERED, JSON.stringify(membership));
}

/** Puts the invitation into the address, so that a reload finds back. */
export function showInAddress(invitation: Invitation): void {
  history.replaceState(null, '', `#${fragmentOf(invitation)}`);
}

/** The address that leads others here. */
export function linkOf(invitation: Invitation): string {
  return `${location.origin}${location.pathname}#${fragmentOf(invitation)}`;
}
