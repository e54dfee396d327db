import { defineConfig } from '@playwright/test';

import { CHROMIUM } from './support/chromium.ts';

const screenshotsAndTraces = '../test-results';

export default defineConfig({
  testDir: 'specs',
  outputDir: screenshotsAndTraces,
  // What takes an hour or a machine of its own is for `make e2e-long`.
  grepInvert: process.env.ORIEL_LONG === undefined ? /@long/ : [],
  // A call is several browsers and a server: one at a time, and none is tried twice.
  workers: 1,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  forbidOnly: process.env.CI !== undefined,
  reporter: [['list']],
  use: {
    browserName: 'chromium',
    launchOptions: CHROMIUM,
    actionTimeout: 30_000,
    navigationTimeout: 30_000,
  },
});
