/** What a page throws and nobody catches fails the test in which it did. */
import type { Page } from "playwright";
import { afterEach } from "vitest";

/** Called once in a file; gives what watches a page from when it is called with it. */
export function uncaughtErrors(): (page: Page) => void {
  const uncaught: Error[] = [];
  afterEach(() => {
    const [first] = uncaught.splice(0);
    if (first) throw first;
  });
  return (page) => page.on("pageerror", (error) => uncaught.push(error));
}
