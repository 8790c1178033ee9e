import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // graphql-js refuses types of "another realm"; every import must reach the one ESM build.
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    reporters: ['default', './test/support/left-out-reporter.ts'],
    // For what hangs, not for what is slow: a busy machine takes many times what a quiet one does.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
  },
});
