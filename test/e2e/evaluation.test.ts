import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../support/server-process.ts';

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/evaluation/${name}`, import.meta.url));

describe('multidb eval', () => {
  it('measures judged documents, and compares two configurations', { timeout: 120_000 }, async () => {
    const { code, stdout } = await runCli(['eval', fixture('garden'), '--versus', 'embedder=none', '--json']);
    expect(code).toBe(0);
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ dataset: 'garden', documentCount: 5, questionCount: 4, failures: [] });
    expect(report.configurations.map((one: { name: string }) => one.name)).toEqual(['built-in', 'none']);
    for (const { metrics, latencyMs } of report.configurations) {
      // Three of four answers come first; the document of the fourth does not exist.
      expect(metrics).toEqual({ 'ndcg@10': 0.75, 'recall@10': 0.75, 'recall@100': 0.75, 'mrr@10': 0.75 });
      expect(latencyMs.p50).toBeGreaterThan(0);
    }
    expect(report.comparisons).toEqual([
      { first: 'built-in', second: 'none', metric: 'ndcg@10', difference: 0, p: 1, pairCount: 4 },
    ]);
  });

  it('measures how much of the answers is in the first characters', { timeout: 120_000 }, async () => {
    const { code, stdout } = await runCli(['eval', fixture('notes'), '--embedder', 'none']);
    expect(code).toBe(0);
    expect(stdout).toContain('notes: 1 documents, 2 questions');
    expect(stdout).toMatch(/\| none +\| +1\.0000 \|/);
  });

  it.each([
    ['a folder that holds no data set', ['eval', fixture('nowhere')], /corpus\.jsonl/],
    ['an embedder nobody knows', ['eval', fixture('garden'), '--embedder', 'magic'], /embedder=magic/],
    ['a setting nobody knows', ['eval', fixture('garden'), '--versus', 'luck=1'], /luck=1/],
  ])('says in one line what is wrong: %s', { timeout: 60_000 }, async (_what, args, words) => {
    const { code, stdout, stderr } = await runCli(args);
    expect({ code, stdout, lines: stderr.trim().split('\n').length }).toEqual({
      code: 1,
      stdout: '',
      lines: 1,
    });
    expect(stderr).toMatch(words);
  });
});
