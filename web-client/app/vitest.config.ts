import { defineConfig } from 'vitest/config';
import { resolve, ssr } from '../vite.base.js';

export default defineConfig({
  resolve,
  ssr,
  test: { name: 'app', include: ['src/**/*.test.ts'], environment: 'node' },
});
