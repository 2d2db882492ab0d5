import { portChannel } from "#core/base/channel.ts";
import type { CellId } from "#core/base/ids.ts";
import { LibraryClient, type NotebookClient } from "#core/notebook/client.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import { IndexedDbDocStore } from "#plugins/indexeddb/stores.ts";
import { describe, expect, it } from "vitest";

const start = (database: string): { worker: Worker; page(): LibraryClient } => {
  const url = new URL("./document.worker.ts", import.meta.url);
  url.searchParams.set("database", database);
  const worker = new Worker(url, { type: "module" });
  return {
    worker,
    page() {
      const { port1, port2 } = new MessageChannel();
      worker.postMessage(port2, [port2]);
      return new LibraryClient(portChannel<FromDocument, ToDocument>(port1));
    },
  };
};
const saved = (client: NotebookClient): Promise<void> =>
  new Promise((resolve) => {
    if (client.saved) resolve();
    else client.onSaved((isSaved) => isSaved && resolve());
  });
const first = (client: NotebookClient) => client.notebook.cells[0] as NotebookClient["notebook"]["cells"][number];

describe("the document host in a worker over IndexedDB", () => {
  it("has every key that was saved, after the worker is killed in mid-typing and mid-run", async () => {
    const name = `host-${Date.now()}`;
    const { worker, page } = start(name);
    const library = page();
    const client = await library.open(await library.create("Typed"));
    const cell = first(client).id;
    let text = "";
    for (const character of "print('hello')\n".repeat(20)) {
      const at = text.length;
      text += character;
      const inserted = character === "\n" ? ["", ""] : [character];
      expect(
        await client.edit(
          cell,
          at,
          [{ client: "me", changes: at ? [at, [0, ...inserted]] : [[0, ...inserted]] }],
          () => text,
        ),
      ).toBe(true);
    }
    client.runProgress(cell, {
      id: "run" as never,
      status: "running",
      count: 1,
      started: 1,
      ms: undefined,
      sourceHash: "x",
      outputs: [{ output_type: "stream", name: "stdout", text: "so far" }],
    });
    await client.change([]);
    await saved(client);
    worker.terminate();

    const again = start(name);
    const reopened = await again.page().open(client.document);
    await reopened.change([]);
    expect(first(reopened).source).toBe(text);
    expect(first(reopened).run).toMatchObject({ status: "lost", outputs: [{ text: "so far" }] });
    again.worker.terminate();
  });

  it("shows typing of one page on another", async () => {
    const { worker, page } = start(`host-two-${Date.now()}`);
    const library = page();
    const mine = await library.open(await library.create("Shared"));
    const theirs = await page().open(mine.document);
    const cell = first(mine).id;
    const seen = new Promise<void>((resolve) => theirs.onChange(() => first(theirs).source === "hi" && resolve()));
    await mine.edit(cell, 0, [{ client: "me", changes: [[0, "hi"]] }], () => "hi");
    await seen;
    worker.terminate();
  });

  it("opens a stored notebook of 1,000 cells from its view, and types in it", async () => {
    const name = `host-big-${Date.now()}`;
    const cells = Array.from({ length: 1000 }, (_, index) => ({
      cell_type: "code",
      id: `c${index}`,
      metadata: {},
      outputs: [],
      execution_count: null,
      source: `# cell ${index}\nimport numpy as np\nx = np.arange(${index})\nprint(x.sum())\n`,
    }));
    const file = new TextEncoder().encode(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells }));
    const once = start(name);
    const library = once.page();
    const { document } = await library.import("big.ipynb", file);
    await library.flush();
    once.worker.terminate();

    const { worker, page } = start(name);
    const client = await page().open(document);
    expect(client.notebook.cells.length).toBe(1000);
    let text = first(client).source;
    for (let index = 0; index < 100; index += 1) {
      const { length } = text;
      text += "x";
      await client.edit("c0" as CellId, index, [{ client: "me", changes: [length, [0, "x"]] }], () => text);
    }
    expect(client.notebook.cells[0]?.source).toBe(text);
    worker.terminate();
  });
});

it("lists nothing that was not written by it", async () => {
  const store = new IndexedDbDocStore(`host-empty-${Date.now()}`);
  expect(await store.loadRange(["library"])).toEqual([]);
  store.close();
});
