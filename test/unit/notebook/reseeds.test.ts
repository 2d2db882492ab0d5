/** A notebook that goes on without its long history: what stays, on disk and for those who have it open. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import { cellId, connect, newCell, newRun, openWith, plain, saved, sources, startHost } from "./kit.ts";

const hosts: DocumentHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});
const start = (kept: Parameters<typeof startHost>[0] = {}) => {
  const started = startHost(kept);
  hosts.push(started.host);
  return started;
};
/** Types at the beginning of a cell. */
const type = async (client: NotebookClient, cell: string, insert: string): Promise<void> => {
  const { source = "", textVersion = 0 } = client.notebook.cells.find(({ id }) => id === cell) ?? {};
  const changes = source.length > 0 ? ([[0, insert], source.length] as const) : ([[0, insert]] as const);
  expect(await client.edit(cellId(cell), textVersion, [{ client: "me", changes }], () => insert + source)).toBe(true);
};
const changesOf = async (host: DocumentHost, document: DocumentId): Promise<number> =>
  (await host.changesSince(document, [])).length;

/** A notebook with some history: typing, a run, a cell that was deleted, a title, a named version. */
async function written(library: ReturnType<typeof start>["library"], host: DocumentHost): Promise<NotebookClient> {
  const client = await openWith(library, [newCell("a", "x = 1"), newCell("b", "y = 2"), newCell("c", "gone")]);
  for (let key = 0; key < 20; key += 1) {
    await type(client, "a", "#");
    // Each a change of its own, as a person's are.
    await host.heads(client.document);
  }
  await client.change([{ type: "set_run", cell: cellId("b"), run: newRun("r1", "2\n") }]);
  await client.change([{ type: "delete_cell", cell: cellId("c") }]);
  await client.change([{ type: "set_title", title: "Long" }]);
  const heads = await host.heads(client.document);
  await client.change([{ type: "set_version", version: "v1", to: { name: "First", time: 1000, heads } }]);
  return client;
}

describe("a notebook that is reseeded", () => {
  it("looks the same, has one change and can be worked on, also after it was opened anew", async () => {
    const { host, library, store, blocks } = start();
    const client = await written(library, host);
    const before = plain(client.notebook);
    const many = await changesOf(host, client.document);
    expect(many).toBeGreaterThan(20);
    await client.reseed();
    expect(plain(client.notebook)).toEqual(before);
    expect(await changesOf(host, client.document)).toBe(1);
    await type(client, "a", "new ");
    await client.change([{ type: "insert_cell", cell: newCell("d", "z = 3"), after: cellId("b") }]);
    const after = plain(client.notebook);
    await saved(client);
    const keys = (await store.loadRange(["document", client.document])).map(([key]) => key[2]);
    expect(new Set(keys)).toEqual(new Set(["present", "seed"]));
    await host.close();

    const again = start({ store, blocks });
    const reopened = await again.library.open(client.document);
    await again.host.heads(client.document);
    expect(plain(reopened.notebook)).toEqual(after);
    expect(sources(reopened)).toEqual([`new ${"#".repeat(20)}x = 1`, "y = 2", "z = 3"]);
  });

  it("keeps what was typed just before, and undoes what was done before", async () => {
    const { host, library } = start();
    const client = await written(library, host);
    const undo = await client.change([{ type: "delete_cell", cell: cellId("b") }]);
    const edited = type(client, "a", "late ");
    await client.reseed();
    await edited;
    expect(sources(client)[0]).toContain("late ");
    await client.change(undo);
    expect(sources(client)).toHaveLength(2);
  });

  it("is the same for two pages", async () => {
    const { host, library } = start();
    const client = await written(library, host);
    const other = await connect(host).open(client.document);
    await client.reseed();
    await type(other, "b", "other ");
    await host.heads(client.document);
    expect(sources(client)).toEqual(sources(other));
    expect(sources(client)[1]).toBe("other y = 2");
  });

  it("stays as it was when the disk refuses, and is whole after a crash at any moment", async () => {
    const { host, library, store, blocks } = start();
    const client = await written(library, host);
    const before = plain(client.notebook);
    await saved(client);
    store.failure = new KromaError("exhausted", "The disk is full.");
    await expect(client.reseed()).rejects.toMatchObject({ code: "exhausted" });
    expect(await changesOf(host, client.document)).toBeGreaterThan(20);
    await host.close();
    store.failure = undefined;
    const again = start({ store, blocks });
    const reopened = await again.library.open(client.document);
    await again.host.heads(client.document);
    expect(plain(reopened.notebook)).toEqual(before);
  });

  it("has what another worker on the same disk went on to write into the former document", async () => {
    const { host, library, store, blocks } = start();
    const client = await written(library, host);
    await saved(client);
    // A browser without shared workers has one for each tab.
    const other = start({ store, blocks });
    const elsewhere = await other.library.open(client.document);
    await other.host.heads(client.document);
    await client.reseed();
    await saved(client);
    await type(elsewhere, "b", "elsewhere ");
    await elsewhere.change([{ type: "insert_cell", cell: newCell("e", "e = 5"), after: cellId("b") }]);
    await saved(elsewhere);
    await type(client, "b", "here ");
    await saved(client);
    await other.host.close();
    await host.close();

    const last = start({ store, blocks });
    const reopened = await last.library.open(client.document);
    await last.host.heads(client.document);
    expect(sources(reopened)[1]).toContain("elsewhere ");
    expect(sources(reopened)[1]).toContain("here ");
    expect(sources(reopened)[2]).toBe("e = 5");
    await last.host.flush();
    const keys = (await store.loadRange(["document", client.document])).map(([key]) => key[2]);
    expect(new Set(keys)).toEqual(new Set(["present", "seed"]));
  });

  it("can be reseeded again and again", async () => {
    const { host, library, store, blocks } = start();
    const client = await written(library, host);
    for (let time = 0; time < 3; time += 1) {
      await type(client, "a", `${time} `);
      await client.reseed();
    }
    const before = plain(client.notebook);
    await saved(client);
    await host.close();
    const again = start({ store, blocks });
    const reopened = await again.library.open(client.document);
    await again.host.heads(client.document);
    expect(plain(reopened.notebook)).toEqual(before);
  });

  it("does so by itself when it has grown long and nobody has it open any more, unless it may not", async () => {
    const asked: boolean[] = [];
    const refuse = new KromaError("denied", "Not this one.");
    let may = false;
    const mayReseed = async (_: DocumentId, isAsked: boolean): Promise<void> => {
      asked.push(isAsked);
      if (!may) throw refuse;
    };
    const { host, library, store } = start({ longHistory: 20, mayReseed });
    const client = await written(library, host);
    const present = () => store.load(["document", client.document, "present"]);
    await expect(client.reseed()).rejects.toMatchObject({ code: "denied" });
    client.close();
    await vi.waitFor(() => expect(asked).toEqual([true, false]), { timeout: 60_000 });
    expect(await present()).toBeUndefined();
    may = true;
    const again = await library.open(client.document);
    const before = plain(again.notebook);
    again.close();
    await vi.waitFor(async () => expect(await present()).toBeDefined(), { timeout: 60_000 });
    const last = await library.open(client.document);
    await host.heads(client.document);
    expect(plain(last.notebook)).toEqual(before);
    expect(await changesOf(host, client.document)).toBe(1);
  });

  it("lets go of its earlier documents when it is gone for good, and no copy has them", async () => {
    let now = Date.now();
    const { host, library, store, blocks } = start({ now: () => now });
    const client = await written(library, host);
    await client.reseed();
    const copy = await library.duplicate(client.document);
    await host.flush();
    const former = async () => (await store.loadRange(["former-block"])).map(([key]) => key[1] ?? "");
    const [cid = ""] = await former();
    client.close();
    for (const document of [client.document, copy]) {
      expect(await blocks.has(cid)).toBe(true);
      await library.remove(document);
      await host.flush();
      now += 40 * 24 * 60 * 60 * 1000;
      // What is to go goes when the list is read the next time.
      const next = start({ store, blocks, now: () => now });
      await next.library.listed;
      await vi.waitFor(async () => expect(await store.loadRange(["document", document])).toEqual([]), {
        timeout: 60_000,
      });
    }
    expect(await former()).toEqual([]);
    expect(await blocks.has(cid)).toBe(false);
  });

  it("goes on in a copy as well", async () => {
    const { host, library } = start();
    const client = await written(library, host);
    await client.reseed();
    const copy = await library.open(await library.duplicate(client.document));
    expect(sources(copy)).toEqual(sources(client));
    await copy.reseed();
    await type(copy, "b", "copy ");
    expect(sources(copy)[1]).toBe("copy y = 2");
  });
});
