import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launchChromium } from '../support/chromium.ts';
import { runTab } from '../support/playground.ts';
import { startTestSystem, type TestSystem } from '../support/system.ts';

let system: TestSystem;
let browser: Browser;

describe.skipIf(chromiumPath === undefined)('the playground of a fresh server (needs chromium)', () => {
  beforeAll(async () => {
    system = await startTestSystem();
    browser = await launchChromium(chromiumPath ?? '');
  });
  afterAll(async () => {
    await browser?.close();
    await system?.close();
  });

  it('takes a new user from the login to a cited answer', { timeout: 90_000 }, async () => {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    await page.goto(`${system.url}/playground`);
    await runTab(page, 'Login', /LoginSuccess/);
    await runTab(page, 'Ingest', /IngestSuccess/);
    const client = await system.client();
    const [edge] = (await client.documents.list({ first: 1 })).edges;
    if (edge === undefined) throw new Error('nothing was ingested');
    for await (const _ of client.documents.events(edge.node.id));

    await runTab(page, 'Ask', /SendMessageSuccess/);
    await runTab(page, 'Watch', /RunEnd[\s\S]*COMPLETED[\s\S]*documentTitle/);
    await page.screenshot({
      path: process.env['PLAYGROUND_SCREENSHOT'] ?? `${system.folder}/playground.png`,
    });
    client.close();
  });

  it('says so when the password is wrong', { timeout: 60_000 }, async () => {
    const page = await browser.newPage();
    await page.goto(`${system.url}/playground`);
    await page.getByRole('tab', { name: 'Login' }).waitFor();
    const answer = await page.evaluate(async () => {
      const query =
        'mutation { login(input: { email: "test@example.com", password: "wrong password" }) { __typename ... on UserError { message } } }';
      const response = await fetch('/graphql', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      return response.text();
    });
    expect(answer).toContain('InvalidCredentials');
  });
});
