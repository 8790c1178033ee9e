import type { Reporter, TestModule } from 'vitest/node';

const WITH_SERVERS = `  export $(npm run -s servers -- start | sed 's/=/_TEST=/') && npm test`;

/** Says which tests were left out and why: a suite that needs something carries the reason in its name. */
export default class LeftOutReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const leftOut = modules.flatMap((module) => {
      const skipped = [...module.children.allTests('skipped')];
      const reasons = new Set(
        skipped.map(({ parent, fullName }) => {
          const suite = parent.type === 'suite' ? parent.fullName : fullName;
          // The suite that says what it needs stands for those within.
          return /^.*\(needs [^)]*\)/.exec(suite)?.[0] ?? suite;
        }),
      );
      return [...reasons].map((reason) => ({ reason, file: module.relativeModuleId }));
    });
    if (leftOut.length === 0) return;
    console.log(`\nLeft out (${leftOut.length} suites):`);
    for (const { reason, file } of leftOut) console.log(`  ${file}: ${reason}`);
    const waiting = leftOut.filter(({ reason }) => reason.includes('npm run servers')).length;
    if (waiting > 0)
      console.log(
        `\n${waiting} of them need a database server. This starts all four (Debian, as root) and runs every suite:\n${WITH_SERVERS}`,
      );
  }
}
