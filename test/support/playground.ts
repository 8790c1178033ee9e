import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** Chooses a prepared tab, runs it, and waits until the result says what it should. */
export async function runTab(page: Page, tab: string, expected: RegExp): Promise<void> {
  await page.locator('.graphiql-tab-button', { hasText: tab }).click();
  await untilRead(page, tab);
  await page.getByRole('button', { name: /execute query/i }).click();
  const result = page.locator('.result-window');
  await expect.poll(() => result.textContent(), { timeout: 20_000 }).toMatch(expected);
}

/**
 * GraphiQL looks for a tab's operation a moment after it shows the tab, and until then runs the other tab's by name.
 * Nobody is quick enough to meet that, but a test; what GraphiQL keeps of the tab says when it is over.
 */
async function untilRead(page: Page, operationName: string): Promise<void> {
  const read = () =>
    page.evaluate(() => {
      const { tabs, activeTabIndex } = JSON.parse(window.sessionStorage.getItem('graphiql:tabState') ?? '{}');
      return tabs?.[activeTabIndex]?.operationName;
    });
  await expect.poll(read, { timeout: 20_000 }).toBe(operationName);
}
