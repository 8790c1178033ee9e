import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // graphql-js refuses types of "another realm"; every import must reach the one ESM build.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/support/left-out-reporter.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
