import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { type EdgeServer, startEdge } from '../support/edge-server.ts';
import { runTab } from '../support/playground.ts';

if (chromiumPath === undefined) {
  console.warn(
    'left out: the playground in a browser (no chromium; apt-get install chromium, or set CHROMIUM_PATH)',
  );
}

let edge: EdgeServer;
let browser: Browser;
let page: Page;
const requests: string[] = [];
const complaints: string[] = [];

describe.skipIf(chromiumPath === undefined)('the playground, as a new user meets it', () => {
  beforeAll(async () => {
    edge = await startEdge();
    browser = await launchChromium(chromiumPath ?? '');
    page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
  });
  afterAll(async () => {
    await browser?.close();
    await edge?.close();
  });

  it('logs in, ingests, asks, and watches the answer stream in', { timeout: 90_000 }, async () => {
    await page.goto(edge.url);
    expect(page.url()).toBe(`${edge.url}/playground`);
    await page.getByRole('tab', { name: 'Login' }).waitFor();

    await runTab(page, 'Login', /LoginSuccess/);
    await runTab(page, 'Ingest', /IngestSuccess/);
    await runTab(page, 'Ask', /SendMessageSuccess/);
    const started = [...edge.world.runs.keys()].at(-1);

    let watched: string | undefined;
    edge.world.onWatch = (feed, runId) => {
      watched = runId;
      feed.push({ type: 'RunStart', sequence: 0 }, { type: 'TokenDelta', text: 'PostgreSQL', sequence: 1 });
    };
    await runTab(page, 'Watch', /PostgreSQL/);
    expect(watched).toBe(started);
    edge.world.runFeeds.at(-1)?.push({ type: 'TokenDelta', text: ' and MongoDB', sequence: 2 });
    const result = page.locator('.result-window');
    await expect.poll(() => result.textContent()).toMatch(/\sand\sMongoDB/);
    edge.world.runFeeds
      .at(-1)
      ?.push({ type: 'RunError', error: { code: 'X', message: 'ended', retryable: false }, sequence: 3 })
      .end();
    await expect.poll(() => result.textContent()).toMatch(/RunError/);
  });

  it('asked no other host for anything, and broke no rule of its own policy', () => {
    const elsewhere = requests.filter((url) => !url.startsWith(edge.url) && !/^(data|blob):/.test(url));
    expect(elsewhere).toEqual([]);
    expect(requests.length).toBeGreaterThan(5);
    expect(complaints).toEqual([]);
  });

  it('keeps the token for this browser tab only', async () => {
    const stores = await page.evaluate(() => [
      JSON.stringify({ ...window.localStorage }),
      JSON.stringify({ ...window.sessionStorage }),
    ]);
    expect(stores[0]).not.toContain(edge.world.token);
    expect(stores[1]).toContain(edge.world.token);
  });
});
