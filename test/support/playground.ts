import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/**
 * Chooses a prepared tab, runs it, and waits until the result says what it should. GraphiQL reads a tab's operations a
 * moment after it shows the tab; whoever was quicker clicks again.
 */
export async function runTab(page: Page, tab: string, expected: RegExp): Promise<void> {
  await page.locator('.graphiql-tab-button', { hasText: tab }).click();
  const run = page.getByRole('button', { name: /execute query/i });
  await run.click();
  const result = page.locator('.result-window');
  const read = async () => {
    const text = await result.textContent();
    if (text?.includes('Cannot infer operation')) await run.click();
    return text;
  };
  await expect.poll(read, { timeout: 20_000 }).toMatch(expected);
}
