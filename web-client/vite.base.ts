import { defaultClientConditions, defaultServerConditions } from 'vite';

/**
 * How every Vite and Vitest configuration here resolves modules: `@oriel/*` packages come from their
 * TypeScript sources (the `@oriel/source` export condition), so that nothing has to be built first.
 * Published packages are resolved without that condition and give their `dist`.
 */
export const resolve = { conditions: ['@oriel/source', ...defaultClientConditions] };

/** The same for tests that run in Node. */
export const ssr = { resolve: { conditions: ['@oriel/source', ...defaultServerConditions] } };
