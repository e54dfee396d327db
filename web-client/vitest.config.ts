import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: ['sdk', 'drop', 'elements', 'app'],
    passWithNoTests: true,
  },
});
