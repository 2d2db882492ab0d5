/** What most stories need: the served site for a file, and for each of its tests a browser on a profile of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { browser, serve, type Site } from "./kroma-process.ts";
import { uncaughtErrors } from "./uncaught.ts";

export class Visit {
  #site: Site | undefined;
  #profile: string | undefined;
  #context: BrowserContext | undefined;
  readonly #watch: (page: Page) => void;
  readonly #flags: readonly string[];

  /** Called once in a file; the name is seen in the folder of temporary files, the flags are for the browser. */
  constructor(name: string, flags: readonly string[] = []) {
    this.#flags = flags;
    this.#watch = uncaughtErrors();
    beforeAll(async () => {
      this.#site = await serve();
    });
    afterAll(() => this.#site?.close());
    beforeEach(async () => {
      this.#profile = mkdtempSync(join(tmpdir(), `kroma-${name}-`));
      await this.restart();
    });
    afterEach(async () => {
      await this.#context?.close();
      rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
    });
  }

  get url(): string {
    return given(this.#site).url;
  }
  get profile(): string {
    return given(this.#profile);
  }
  get context(): BrowserContext {
    return given(this.#context);
  }

  /** Starts the browser on the profile as it is; the one before must have ended. */
  async restart(): Promise<void> {
    this.#context = await browser(this.profile, undefined, undefined, this.#flags);
  }

  /** Opens a page in which no error may go uncaught. */
  async open(path = "/"): Promise<Page> {
    const page = await this.context.newPage();
    this.#watch(page);
    await page.goto(`${this.url}${path}`);
    return page;
  }
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("There is a visit only within a test");
  return value;
}
