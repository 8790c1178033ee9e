#!/usr/bin/env node
// Prints `N passed, N failed, N skipped` from vitest's JSON report; fails when nothing ran or anything failed.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const skipped = report.numPendingTests + report.numTodoTests;
// A suite that could not be loaded has no tests of its own to count as failed.
const brokenSuites = report.testResults.filter(
  (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
).length;
const failed = report.numFailedTests + brokenSuites;
for (const suite of report.testResults) {
  for (const test of suite.assertionResults) {
    if (test.status !== 'passed') console.log(`${test.status}: ${test.fullName}`);
  }
  if (suite.status === 'failed' && suite.assertionResults.length === 0)
    console.log(`failed: ${suite.name}: ${suite.message}`);
}
console.log(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0;
