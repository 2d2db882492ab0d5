import * as Automerge from "@automerge/automerge";
import type { CellId, RunId } from "#core/base/ids.ts";
import { inspectChunks } from "#core/notebook/chunk-guard.ts";
import { allPlaced, cellOrder, documentOf, type NotebookDocument } from "#core/notebook/document.ts";
import { readIpynb } from "#core/notebook/ipynb.ts";
import { migrate, SCHEMA } from "#core/notebook/migrations.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { comparePlaced, positionAfter, positionBetween } from "#core/notebook/position.ts";
import { storeRunBody, type RunBody } from "#core/notebook/run-body.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { describe, expect, it } from "vitest";
import { startHost } from "./kit.ts";

const FILE = new TextEncoder().encode(
  JSON.stringify({
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { name: "python3", language: "python", display_name: "Python 3" } },
    cells: [
      { cell_type: "markdown", id: "m", metadata: { b: 1, a: 2 }, source: ["# Hi\n", "there"] },
      {
        cell_type: "code",
        id: "c",
        metadata: {},
        source: "x",
        execution_count: 2,
        outputs: [{ output_type: "stream", name: "stdout", text: ["1\n"] }],
      },
    ],
  }),
);

async function imported(notebook: Notebook): Promise<NotebookDocument> {
  const bodies = new Map<RunId, RunBody>();
  for (const { run } of notebook.cells) if (run) bodies.set(run.id, await storeRunBody(run, new MemoryBlockStore()));
  return documentOf(notebook, bodies);
}

describe("importing", () => {
  it("makes one change, the same for the same file, today and in later versions", async () => {
    const first = await imported(readIpynb(FILE).notebook);
    await new Promise((later) => setTimeout(later, 1100));
    const second = await imported(readIpynb(FILE).notebook);
    expect(Automerge.getChangesSince(first, []).length).toBe(1);
    expect(Automerge.getHeads(second)).toEqual(Automerge.getHeads(first));
    // If this fails, two peers with different versions no longer merge what they imported: raise IMPORTER in document.ts.
    expect(Automerge.getHeads(first)).toEqual(["47a16a12dc29cb6045bdd9e6416b147c3e7f54d6afcde388dff7bd2a083f4b13"]);
  });

  it("does not depend on the order of keys, but on the content", async () => {
    const { notebook } = readIpynb(FILE);
    const reordered = JSON.parse(JSON.stringify(notebook), (_key, value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toReversed())
        : value,
    ) as Notebook;
    const heads = Automerge.getHeads(await imported(notebook));
    expect(Automerge.getHeads(await imported(reordered))).toEqual(heads);
    expect(Automerge.getHeads(await imported({ ...notebook, language: "shell" }))).not.toEqual(heads);
  });

  it("lets two who imported the same file merge without a double", async () => {
    const [mine, theirs] = [startHost(), startHost()];
    const { document: a } = await mine.library.import("one.ipynb", FILE.slice());
    const { document: b } = await theirs.library.import("another name.ipynb", FILE.slice());
    const [me, they] = [await mine.library.open(a), await theirs.library.open(b)];
    const cell = me.notebook.cells[0]?.id as CellId;
    await me.change([{ type: "splice_text", cell, at: 0, remove: 0, insert: "A" }]);
    await they.change([{ type: "splice_text", cell, at: 0, remove: 0, insert: "B" }]);
    await mine.host.applyChanges(a, await theirs.host.changesSince(b, []));
    await me.change([]);
    expect(me.notebook.cells.length).toBe(2);
    expect(me.notebook.cells[0]?.source).toMatch(/^(AB|BA)# Hi\nthere$/);
    await Promise.all([mine.host.close(), theirs.host.close()]);
  });

  it("gives an unchanged file back without a trace of us", async () => {
    const { host, library } = startHost();
    const { document } = await library.import("some name.ipynb", FILE.slice());
    const client = await library.open(document);
    expect(client.notebook.title).toBe("some name");
    expect(JSON.parse(new TextDecoder().decode(await client.export("ipynb")))).toEqual(
      JSON.parse(new TextDecoder().decode(FILE)),
    );
    await client.change([{ type: "set_title", title: "Mine" }]);
    expect(JSON.parse(new TextDecoder().decode(await client.export("ipynb")))).toMatchObject({
      metadata: { title: "Mine" },
    });
    await host.close();
  });
});

describe("places of cells", () => {
  it("are in a total order that knows no locale", () => {
    const cells = [
      { id: "b", position: "a0" },
      { id: "a", position: "a0" },
      { id: "c", position: "Zz" },
      { id: "B", position: "a0" },
    ];
    expect(cells.toSorted(comparePlaced).map((cell) => cell.id)).toEqual(["c", "B", "a", "b"]);
  });

  it("are found after equals, after unknown cells, and beside keys that are none", () => {
    const sorted = [
      { id: "x", position: "a0" },
      { id: "y", position: "a0" },
      { id: "z", position: "a1" },
    ];
    const between = positionAfter(sorted, "x");
    expect(between > "a0" && between < "a1").toBe(true);
    expect(positionAfter(sorted, "gone") > "a1").toBe(true);
    expect(positionAfter(sorted, undefined) < "a0").toBe(true);
    expect(positionAfter([], undefined)).toBeTruthy();
    expect(() =>
      positionAfter(
        [
          { id: "h", position: "" },
          { id: "i", position: "!!" },
        ],
        "h",
      ),
    ).not.toThrow();
  });

  it("differ for two who choose at random in the same gap", () => {
    const keys = new Set(Array.from({ length: 200 }, () => positionBetween("a0", "a1")));
    expect(keys.size).toBeGreaterThan(190);
  });
});

describe("a document from outside", () => {
  it("is migrated step by step, and refused when it is newer", () => {
    const old = Automerge.from({ schema: 1, title: "t" }) as unknown as Automerge.Doc<{ schema: number }>;
    const migrated = migrate(old, [
      (draft) => {
        draft["added"] = 1;
      },
      (draft) => {
        draft["again"] = Number(draft["added"]) + 1;
      },
    ]);
    expect(migrated).toMatchObject({ schema: 3, added: 1, again: 2 });
    expect(migrate(migrated, [() => undefined, () => undefined])).toBe(migrated);
    expect(() => migrate(migrated)).toThrow(/schema 3; this Kroma knows up to/);
    expect(() => migrate(Automerge.from({}) as unknown as typeof old)).toThrow(/no schema number/);
    expect(SCHEMA).toBe(1);
  });

  it("may hold anything without making reading throw", async () => {
    const hostile = Automerge.change(await imported(readIpynb(FILE).notebook), (draft) => {
      const cells = draft.cells as unknown as Record<string, unknown>;
      cells["no good"] = { source: "x" };
      cells["scalar"] = 5;
      cells["empty"] = {};
      cells["constructor"] = { source: 3, position: { a: 1 }, metadata: "x", run: "nothing", kind: 1 };
      (cells["m"] as Record<string, unknown>)["run"] = new Automerge.ImmutableString("toString");
      (draft as unknown as Record<string, unknown>)["runs"] = 7;
    });
    expect(cellOrder(hostile)).toEqual(expect.arrayContaining(["m", "c", "empty", "constructor"]));
    expect(allPlaced(hostile).length).toBe(6);
    const { host, library } = startHost();
    const { document } = await library.import("x.ipynb", FILE.slice());
    await host.applyChanges(document, Automerge.getChangesSince(hostile, []));
    const client = await library.open(document);
    expect(client.notebook.cells.map((cell) => cell.id)).toEqual(
      expect.arrayContaining(["m", "c", "empty", "constructor"]),
    );
    await host.close();
  });
});

describe("the chunk guard", () => {
  it("counts what Automerge counts, in documents and in changes", async () => {
    let document = Automerge.from<{ text: string; list: number[] }>({ text: "", list: [] });
    for (let index = 0; index < 40; index += 1) {
      document = Automerge.change(document, (draft) => {
        Automerge.splice(draft, ["text"], draft.text.length, 0, "abc");
        if (index % 3 === 0) draft.list.push(index);
        if (index % 7 === 6) Automerge.splice(draft, ["text"], 0, 2, "");
      });
    }
    const { numOps } = Automerge.stats(document);
    // Deletions are no operations of their own in a saved document; in changes they are.
    expect((await inspectChunks(Automerge.save(document))).operations).toBe(numOps);
    for (const change of Automerge.getChangesSince(document, [])) {
      expect((await inspectChunks(change)).operations).toBe(Automerge.decodeChange(change).ops.length);
    }
  });

  it("sees through deflated changes", async () => {
    const text = Array.from({ length: 3000 }, (_, index) => String.fromCharCode(97 + ((index * 7919) % 26))).join("");
    const document = Automerge.change(Automerge.from({ text: "" }), (draft) =>
      Automerge.splice(draft, ["text"], 0, 0, text),
    );
    const change = Automerge.getChangesSince(document, []).at(-1) as Uint8Array;
    expect(change[8]).toBe(1);
    // Chunk type 2: the same body deflated, under the checksum of the plain one.
    let [at, length, shift] = [9, 0, 0];
    for (let byte = 128; byte >= 128; at += 1, shift += 7) {
      byte = change[at] as number;
      length |= (byte & 127) << shift;
    }
    expect(at + length).toBe(change.length);
    const stream = new Blob([change.slice(at)]).stream().pipeThrough(new CompressionStream("deflate-raw"));
    const body = new Uint8Array(await new Response(stream).arrayBuffer());
    const size = [(body.length & 127) | 128, body.length >> 7];
    const deflated = Uint8Array.from([...change.subarray(0, 8), 2, ...size, ...body]);
    expect((await inspectChunks(deflated)).operations).toBe(3000);
    const [base] = Automerge.getChangesSince(document, []);
    const [read] = Automerge.applyChanges(Automerge.init<{ text: string }>(), [base as Uint8Array, deflated]);
    expect(read.text).toBe(text);
  });

  it("refuses a bomb in little time", async () => {
    const bomb = Automerge.save(
      Automerge.change(Automerge.from({ text: "" }), (draft) =>
        Automerge.splice(draft, ["text"], 0, 0, "a".repeat(1_000_000)),
      ),
    );
    expect(bomb.length).toBeLessThan(20_000);
    await expect(inspectChunks(bomb)).rejects.toMatchObject({ code: "exhausted" });
  });

  it("refuses anything else as corrupt, and never hangs", async () => {
    const good = Automerge.save(Automerge.from({ a: "text", b: [1, 2, 3] }));
    await expect(inspectChunks(new Uint8Array([1, 2, 3, 4, 5]))).rejects.toMatchObject({ code: "corrupt" });
    let seed = 7;
    const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648);
    for (let round = 0; round < 500; round += 1) {
      const bytes = good.slice(0, round % 3 === 0 ? random() % good.length : good.length);
      for (let flips = 0; flips < 3; flips += 1) bytes[random() % Math.max(bytes.length, 1)] = random() % 256;
      await inspectChunks(bytes).catch((error: unknown) =>
        expect(["corrupt", "exhausted"]).toContain((error as { code: string }).code),
      );
    }
  });
});
