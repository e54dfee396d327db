/** Signs from the browser that the network or the page has changed: reasons to look, not to wait. */

export type Sign =
  /** There is a network again, or another one. */
  | 'network'
  /** The page is looked at again, or was brought back from sleep. */
  | 'awake';

/** What some browsers tell of the network (Network Information API). */
interface Described {
  connection?: EventTarget;
}

/** Calls `seen` for each sign until `stop`. Without a page there are none. */
export function watchSigns(seen: (sign: Sign) => void, stop: AbortSignal): void {
  const listen = (target: EventTarget | undefined, name: string, sign: Sign): void => {
    target?.addEventListener?.(name, () => seen(sign), { signal: stop });
  };
  listen(globalThis, 'online', 'network');
  listen((globalThis.navigator as (Navigator & Described) | undefined)?.connection, 'change', 'network');
  listen(globalThis, 'pageshow', 'awake');
  const { document } = globalThis as { document?: Document };
  listen(document, 'resume', 'awake');
  document?.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible') seen('awake');
    },
    { signal: stop },
  );
}
