import { defineConfig } from 'vitest/config';
import { resolve } from '../vite.base.js';

export default defineConfig({
  resolve,
  test: { name: 'elements', include: ['src/**/*.test.ts'], environment: 'happy-dom' },
});
