/** Chat cells in the built app and on the command line, with a model that a server on this machine plays. */
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Locator, Page } from "playwright";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type ChatServer,
  beginStream,
  piece,
  sendJson,
  startChatServer,
  streamWords,
} from "../unit/chat/chat-server.ts";
import { bigramModel } from "../unit/chat/bigram-model.ts";
import { kroma } from "./kroma-process.ts";
import { Visit } from "./visit.ts";

const KEY = "sk-only-here-12345";
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let server: ChatServer;

beforeAll(async () => {
  server = await startChatServer();
});
afterAll(() => server.close());
beforeEach(() => {
  server.asked.length = 0;
  server.answer = (response, { body }) => streamWords(response, `You said: **${body.messages?.at(-1)?.content}**`);
});

describe("kroma run", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kroma-chat-"));
    const cell = (id: string, source: string) => ({
      id,
      cell_type: "code",
      metadata: {},
      execution_count: null,
      outputs: [],
      source,
    });
    const metadata = { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } };
    const cells = [cell("one", "%%chat\nHello"), cell("two", "%%chat\nAgain")];
    await writeFile(join(folder, "chat.ipynb"), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const run = (environment: Readonly<Record<string, string>>) =>
    kroma(["run", "chat.ipynb", "--output", "out.ipynb"], { cwd: folder, environment });

  it("asks the model of the environment, prints its answers, and keeps the key out of everything", async () => {
    const finished = await run({ KROMA_CHAT_URL: server.url, KROMA_CHAT_MODEL: "tiny", KROMA_CHAT_KEY: KEY });
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stdout).toMatch(
      /^tiny at 127\.0\.0\.1:\d+ saw 2 messages.*\nYou said: \*\*Hello\*\*\ntiny at .* saw 4 messages.*\nYou said: \*\*Again\*\*\n$/,
    );
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${KEY}`, `Bearer ${KEY}`]);
    const out = await readFile(join(folder, "out.ipynb"), "utf8");
    expect(out).toContain('"%%chat\\nAgain"');
    expect(out).toContain("You said: **Again**");
    expect(`${out}${finished.stdout}${finished.stderr}`).not.toContain(KEY);
  });

  it("runs a model file that a cell names, and the one of the environment where it names none", async () => {
    await writeFile(join(folder, "tiny.gguf"), bigramModel({ words: [" the", " cat", " sat"], context: 2048 }));
    const metadata = { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } };
    const cells = ["%%chat\n#| model: tiny.gguf\nHello", "%%chat\n#| see: none\nAgain"].map((source, index) => {
      return { id: `c${index}`, cell_type: "code", metadata: {}, execution_count: null, outputs: [], source };
    });
    await writeFile(join(folder, "file.ipynb"), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
    const finished = await kroma(["run", "file.ipynb"], {
      cwd: folder,
      environment: { KROMA_CHAT_MODEL: join(folder, "tiny.gguf") },
    });
    expect(finished.code, finished.stderr).toBe(0);
    expect(finished.stdout).toMatch(
      /^tiny\.gguf on this computer saw 2 messages.*\nthe cat sat\n.*tiny\.gguf on this computer saw 2 messages.*\nthe cat sat\n$/,
    );
    expect(server.asked).toEqual([]);
  });

  it("says how a model is set up where none is, and that a key is wrong", async () => {
    const without = await run({});
    expect(without.code).toBe(1);
    expect(without.stderr).toContain("Set KROMA_CHAT_MODEL to the path of a model file");
    server.answer = (response) => sendJson(response, 401, { error: { message: `Incorrect key ${KEY}` } });
    const wrong = await run({ KROMA_CHAT_URL: server.url, KROMA_CHAT_KEY: KEY });
    expect(wrong.stderr).toContain("does not accept this key. It says: Incorrect key [key]");
  });
});

describe("a chat cell in the page", () => {
  const visit = new Visit("chat");
  const lastCell = (page: Page): Locator => page.locator("[data-cell][data-language=chat]").last();

  async function writePrompt(page: Page, prompt: string): Promise<Locator> {
    await page.getByRole("button", { name: "Add chat cell" }).click();
    const cell = lastCell(page);
    await cell.locator(".cm-focused").waitFor();
    await page.keyboard.type(prompt);
    await page.keyboard.press("Control+Enter");
    return cell;
  }

  it("says what is missing, is set up in the settings, answers as it goes, and stops when it is told to", async () => {
    const page = await visit.open("/");
    await page.getByRole("button", { name: "New notebook" }).click();
    await page.locator("[data-cell]").waitFor();
    const first = await writePrompt(page, "Hello");
    await first.getByText("No language model is set up.").waitFor();
    await first.getByText("Open Settings and choose one").waitFor();

    await page.getByRole("button", { name: "Settings" }).click();
    const settings = page.getByRole("group", { name: "Language model" });
    await settings.getByLabel("Address", { exact: true }).fill(server.url);
    await settings.getByLabel(/^Key/).fill(KEY);
    await settings.getByRole("button", { name: "List models" }).click();
    await settings.getByText("It has 2 models.").waitFor();
    await settings.getByLabel("Models that it has").selectOption("tiny");
    expect(await settings.getByLabel("Model", { exact: true }).inputValue()).toBe("tiny");

    await first.click();
    await page.keyboard.press("Escape");
    await page.keyboard.press("Control+Enter");
    const answer = first.locator("[data-output]", { hasText: "You said" });
    await answer.locator("strong").filter({ hasText: "Hello" }).waitFor();
    expect(server.asked.at(-1)?.headers.authorization).toBe(`Bearer ${KEY}`);
    const seen = first.locator("details");
    expect(await seen.getAttribute("open")).toBe(null);
    await seen
      .locator("summary")
      .filter({ hasText: /tiny at 127\.0\.0\.1:\d+ saw 2 messages/ })
      .click();
    await seen.getByText("Hello", { exact: true }).waitFor();

    server.answer = (response) => {
      beginStream(response);
      response.write(piece({ content: "It begins ![x](https://pictures.example/?secret) " }));
    };
    const second = await writePrompt(page, "Go on");
    await second.getByText(/Answering … 1 token/).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("i");
    await page.keyboard.press("i");
    await second.getByText("Stopped.").waitFor();
    await second.getByText("It begins").waitFor();
    expect(await second.locator("[data-output] img").getAttribute("src")).toBe(null);

    await page.evaluate(axeSource);
    const wrong = await page.evaluate(
      `axe.run(document, { runOnly: ["wcag2a", "wcag2aa"] }).then((r) => r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.target).join(" ")))`,
    );
    expect(wrong).toEqual([]);
    const look = async (what: string): Promise<void> => {
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 844 });
        const isWider = await page
          .locator("main, .settings")
          .evaluateAll((parts) => parts.some((part) => part.scrollWidth > part.clientWidth));
        expect([what, width, isWider]).toEqual([what, width, false]);
        const folder = process.env["KROMA_SCREENS"];
        if (folder !== undefined) await page.screenshot({ path: join(folder, `${what}-${width}.png`) });
      }
      await page.setViewportSize({ width: 1280, height: 844 });
    };
    await look("chat-settings");

    // Another address gets no key of this one.
    await settings.getByLabel("Address", { exact: true }).fill("http://127.0.0.1:9/v1");
    await settings.getByLabel("Address", { exact: true }).press("Tab");
    await settings.getByText("it was forgotten").waitFor();
    expect(await settings.getByLabel(/^Key/).inputValue()).toBe("");
    await page.getByRole("button", { name: "Close settings" }).click();
    await look("chat-cells");
  });

  it("asks a model file that was dropped on the notebook, by an option or by the settings, and no server", async () => {
    const page = await visit.open("/");
    await page.getByRole("button", { name: "New notebook" }).click();
    await page.locator("[data-cell]").waitFor();
    const model = [...bigramModel({ words: [" the", " cat", " sat"], context: 2048 })];
    await page.evaluate((bytes) => {
      const dropped = new DataTransfer();
      dropped.items.add(new File([new Uint8Array(bytes)], "tiny.gguf"));
      dropped.items.add(new File([new Uint8Array(bytes).slice(0, 20_000)], "cut.gguf"));
      document.querySelector("main")?.dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true }));
    }, model);
    await page.getByText("2 files are in the workspace.").waitFor();
    const first = await writePrompt(page, "#| model: tiny.gguf\nHello");
    await first.locator("p", { hasText: /^the cat sat$/ }).waitFor();
    await first.getByText(/^tiny\.gguf in this browser saw 2 messages, .* · \d tokens/).waitFor();
    const cut = await writePrompt(page, "#| model: cut.gguf\nHello");
    await cut.getByText("cut.gguf is not whole").waitFor();

    await page.getByRole("button", { name: "Settings" }).click();
    const settings = page.getByRole("group", { name: "Language model" });
    await settings.getByLabel("A model file (GGUF)").check();
    await settings.getByLabel("Files of this notebook").selectOption("tiny.gguf");
    expect(await settings.getByLabel("File", { exact: true }).inputValue()).toBe("tiny.gguf");
    await page.getByRole("button", { name: "Close settings" }).click();
    const second = await writePrompt(page, "Again");
    await second.locator("p", { hasText: /^the cat sat$/ }).waitFor();
    await second.getByText(/^tiny\.gguf in this browser saw 4 messages/).waitFor();
    expect(server.asked).toEqual([]);
  });
});
