import { defineConfig } from 'vitest/config';
import { resolve, ssr } from '../vite.base.ts';

export default defineConfig({
  resolve,
  ssr,
  test: { name: 'drop', include: ['tests/**/*.test.ts'], environment: 'node' },
});
