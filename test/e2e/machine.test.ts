/** The Linux machine from one visit to the next: kept, killed in the middle of writing, exported, reset, shared. */
import { createReadStream, mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGunzip } from "node:zlib";
import type { BrowserContext, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { browser, killBrowser, serve, type Site } from "./kroma-process.ts";
import { uncaughtErrors } from "./uncaught.ts";

/** A machine that many share may take its time. */
const PATIENCE = { timeout: 240_000 };
const LONG = 900_000;

const watch = uncaughtErrors();
let site: Site;
let profile: string;
let context: BrowserContext;

beforeAll(async () => {
  site = await serve();
});
afterAll(() => site.close());
beforeEach(async () => {
  profile = mkdtempSync(join(tmpdir(), "kroma-machine-"));
  context = await browser(profile);
});
afterEach(async () => {
  await context.close();
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
});

const SHELL = {
  nbformat: 4,
  nbformat_minor: 5,
  metadata: { kernelspec: { name: "bash", display_name: "Linux shell", language: "bash" } },
  cells: [{ cell_type: "code", id: "one", metadata: {}, source: "echo first", execution_count: null, outputs: [] }],
};

async function openPage(path = "/"): Promise<Page> {
  const page = await context.newPage();
  watch(page);
  page.setDefaultTimeout(PATIENCE.timeout);
  await page.goto(`${site.url}${path}`);
  return page;
}

/** A new notebook with one shell cell; answers its address. */
async function newNotebook(name: string): Promise<{ readonly page: Page; readonly path: string }> {
  const page = await openPage();
  const chooser = page.waitForEvent("filechooser");
  await page.getByRole("button", { name: "Import" }).click();
  await (
    await chooser
  ).setFiles([{ name: `${name}.ipynb`, mimeType: "application/json", buffer: Buffer.from(JSON.stringify(SHELL)) }]);
  await page.locator("[data-cell]").waitFor();
  return { page, path: `/${new URL(page.url()).search}` };
}

/** Runs code in the notebook's cell; resolves with its output once the pattern is in it. */
async function run(page: Page, code: string, pattern: RegExp): Promise<string> {
  await page.locator("[data-cell] [role=textbox]").first().click();
  await page.keyboard.press("Control+a");
  await page.keyboard.insertText(code);
  await page.keyboard.press("Control+Enter");
  return outputOf(page, pattern);
}

async function outputOf(page: Page, pattern: RegExp): Promise<string> {
  const output = page.locator("[data-cell] [data-output]").first();
  const read = async (): Promise<string> => ((await output.count()) > 0 ? output.innerText() : "");
  await expect.poll(read, PATIENCE).toMatch(pattern);
  return read();
}

async function command(page: Page, name: string): Promise<void> {
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Shift+P");
  await page.keyboard.type(name);
  await page.getByRole("option", { name }).first().click();
}

async function kill(): Promise<void> {
  await killBrowser(context, profile);
  context = await browser(profile);
}

describe("what Linux changes", () => {
  it(
    "is there after a reload, is offered as a file, and is gone after a reset that was agreed to",
    { timeout: LONG },
    async () => {
      const { page, path } = await newNotebook("kept");
      await run(
        page,
        "mkdir -p /usr/local/bin; printf '#!/bin/sh\\necho tool $1\\n' >/usr/local/bin/tool; chmod +x /usr/local/bin/tool; rm /usr/bin/tree; echo in files >kept.txt; sync; echo written",
        /written/,
      );
      await page.reload();
      await run(page, "tool 7; ls /usr/bin/tree 2>&1; echo end", /tool 7\n[^]*No such file[^]*end/);

      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByText(/It takes \d.* of this browser's storage/).waitFor();
      const download = page.waitForEvent("download");
      await command(page, "Export machine");
      const image = createReadStream(await (await download).path()).pipe(createGunzip());
      let size = 0;
      for await (const chunk of image as AsyncIterable<Buffer>) {
        if (size === 0) expect(chunk.readUInt16LE(1024 + 56)).toBe(0xef53);
        size += chunk.length;
      }
      expect(size).toBe(2 * 1024 ** 3);

      await command(page, "Reset machine");
      const question = page.getByRole("dialog", { name: "Reset the Linux machine?" });
      await question.getByText("The notebook and its files stay").waitFor();
      await question.getByRole("button", { name: "Cancel" }).click();
      await run(page, "tool 8", /tool 8/);
      await command(page, "Reset machine");
      await question.getByRole("button", { name: "Reset it" }).click();
      await run(page, "tool 9 2>&1; ls /usr/bin/tree; cat kept.txt", /not found\n\/usr\/bin\/tree\nin files/);
      await page.goto(`${site.url}${path}`);
      await run(page, "tool 10 2>&1; ls /usr/bin/tree", /not found\n\/usr\/bin\/tree/);
    },
  );

  it(
    "is whole, up to the last sync and in order, each time the browser is killed while it is written",
    { timeout: LONG },
    async () => {
      const { path } = await newNotebook("killed");
      let least = 0;
      for (let round = 1; round <= 3; round++) {
        const page = await openPage(path);
        const check =
          "mkdir -p /run/m && mount -t ext4 /dev/sdb /run/m && mount -o remount,ro /run/m && e2fsck -fn /dev/sdb >/run/fsck 2>&1; s=$?; mount -o remount,rw /run/m; umount /run/m; cat /run/fsck\n" +
          "mkdir -p /root/w; touch /root/log; n=$(wc -l </root/log); seq $n | cmp - /root/log && echo fsck $s lines $n end";
        const found = await run(page, check, /end/);
        expect(found).toMatch(/fsck 0 lines/);
        expect(Number(/lines (\d+)/.exec(found)?.[1])).toBeGreaterThanOrEqual(least);
        await run(
          page,
          "i=$(wc -l </root/log); while :; do i=$((i+1)); seq $i >/root/w/$((i%40)); echo $i >>/root/log; if [ $((i%15)) = 0 ]; then sync; echo synced $i; rm -f /root/w/*; fi; done",
          /synced \d+\nsynced \d+/,
        );
        least = Number([...(await outputOf(page, /synced/)).matchAll(/synced (\d+)/g)].at(-1)?.[1]);
        await kill();
      }
      const page = await openPage(path);
      expect(Number(await run(page, "wc -l </root/log", /^\d+/))).toBeGreaterThanOrEqual(least);
    },
  );

  it("is one for all notebooks where that is wished, for one of them at a time", { timeout: LONG }, async () => {
    const first = await newNotebook("first");
    await first.page.getByRole("button", { name: "Settings" }).click();
    await first.page.getByRole("radio", { name: "In one machine for all" }).check();
    await first.page.reload();
    await run(first.page, "echo shared >/root/mark; sync; cat /root/mark", /shared/);
    const second = await newNotebook("second");
    await run(second.page, "cat /root/mark 2>&1", /No such file/);
    await second.page.getByText("Another notebook uses the one Linux machine").waitFor();
    await first.page.close();
    await second.page.reload();
    await run(second.page, "cat /root/mark 2>&1", /^shared/);
  });
});

describe("the image's files", () => {
  it(
    "come from this browser at the second visit, and one that was damaged there is fetched again",
    { timeout: LONG },
    async () => {
      const asked: string[] = [];
      const real = site;
      let gone = false;
      // What stands between the browser and the site: counts, and can be taken away.
      const proxy: Server = createServer((request, response) => {
        asked.push(request.url ?? "");
        if (gone) return void request.socket.destroy();
        fetch(`${real.url}${request.url}`, { headers: { "accept-encoding": "identity" } }).then(
          async (answer) => {
            const headers = Object.fromEntries([...answer.headers].filter(([name]) => name !== "transfer-encoding"));
            response.writeHead(answer.status, headers);
            response.end(Buffer.from(await answer.arrayBuffer()));
          },
          () => response.destroy(),
        );
      });
      await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
      site = { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, close: () => undefined };
      try {
        const { page, path } = await newNotebook("cached");
        await run(page, "git --version; echo end", /git version[^]*end/);
        // Asked by evaluate: waitForFunction takes a promise for an answer.
        await expect
          .poll(() => page.evaluate(async () => (await caches.match("/kroma-complete")) !== undefined))
          .toBe(true);
        const state = asked.find((url) => url.startsWith("/assets/vm/state"));
        expect(state).toBeDefined();
        /** The manifest is asked for each time, for it says what is new. */
        const files = (): readonly string[] =>
          asked.filter((url) => url.startsWith("/assets/vm/") && !url.endsWith("manifest.json"));
        // The disk is read ahead all the time: what counts is what has come and is kept.
        let had = new Set<string>();
        await expect
          .poll(async () => {
            const before = new Set(files());
            const kept = await page.evaluate(async () => {
              const keys = await (await caches.open("linux-image")).keys();
              return keys.filter(({ url }) => !url.includes("manifest")).length;
            });
            if (kept < before.size) return false;
            had = before;
            return true;
          })
          .toBe(true);
        /** What came once already. */
        const again = (): readonly string[] => files().filter((url) => had.has(url));
        asked.length = 0;
        await page.reload();
        await run(page, "git --version; echo again", /git version[^]*again/);
        expect(again()).toEqual([]);

        // One file's bytes are changed in the browser's storage.
        await page.evaluate(async () => {
          const manifest = (await (await fetch("assets/vm/manifest.json")).json()) as { state: { sha256: string } };
          const cache = await caches.open("linux-image");
          const key = `https://linux-image.invalid/${manifest.state.sha256}`;
          const bytes = new Uint8Array(await ((await cache.match(key)) as Response).arrayBuffer());
          bytes[1000] = (bytes[1000] ?? 0) ^ 255;
          await cache.put(key, new Response(bytes));
        });
        asked.length = 0;
        await page.reload();
        await run(page, "echo mended", /mended/);
        expect(again()).toEqual([state]);

        gone = true;
        await page.close();
        const offline = await openPage(path);
        await run(offline, "git --version; echo offline", /git version[^]*offline/);
      } finally {
        site = real;
        proxy.close();
        proxy.closeAllConnections();
      }
    },
  );
});
