import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Chooses a prepared tab, runs it, and waits until the result says what it should. */
export async function runTab(page: Page, tab: string, expected: RegExp): Promise<void> {
  await page.locator('.graphiql-tab-button', { hasText: tab }).click();
  await page.getByRole('button', { name: /execute query/i }).click();
  const result = page.locator('.result-window');
  await expect.poll(() => result.textContent(), { timeout: 20_000 }).toMatch(expected);
}
