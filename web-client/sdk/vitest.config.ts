import { defineConfig } from 'vitest/config';
import { resolve } from '../vite.base.ts';

export default defineConfig({
  resolve,
  test: { name: 'sdk', include: ['tests/**/*.test.ts'], environment: 'node', testTimeout: 30_000 },
});
