import type { Reporter, TestModule } from 'vitest/node';

/** Says which tests were left out and why: a suite that needs something carries the reason in its name. */
export default class LeftOutReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const leftOut = modules.flatMap((module) => {
      const skipped = [...module.children.allTests('skipped')];
      const reasons = new Set(
        skipped.map((test) => (test.parent.type === 'suite' ? test.parent.fullName : test.fullName)),
      );
      return [...reasons].map((reason) => ({ reason, file: module.relativeModuleId }));
    });
    if (leftOut.length === 0) return;
    console.log(`\nLeft out (${leftOut.length} suites):`);
    for (const { reason, file } of leftOut) console.log(`  ${file}: ${reason}`);
  }
}
