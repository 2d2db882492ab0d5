/** The history panel: going through it by the keyboard, what changed and by whom, putting back, names, and every other state. */
import { userEvent } from "vitest/browser";
import { afterEach, describe, expect, it } from "vitest";
import { channelPair } from "#core/base/channel.ts";
import type { CellId, DocumentId } from "#core/base/ids.ts";
import { LibraryClient } from "#core/notebook/client.ts";
import { DocumentHost } from "#core/notebook/host.ts";
import type { FromDocument, ToDocument } from "#core/notebook/messages.ts";
import type { Run } from "#core/notebook/model.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import { MemoryBlockStore, MemoryDocStore } from "#core/store/memory.ts";
import { AwayLine } from "#app/browser/notebook/away-line.tsx";
import type { PageView } from "#app/browser/notebook/view.ts";
import { askFor } from "#plugins/history/asked.ts";
import { HistoryPanel } from "#plugins/history/panel.tsx";
import { until } from "../ui/kit.ts";
import {
  ANA,
  BEN,
  ME,
  byRole,
  draw,
  expectAccessible,
  member,
  openNotebook,
  sharingOf,
  testNetwork,
  testPage,
  viewOf,
} from "../people/kit.tsx";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

const MINUTE = 60_000;
const MEMBERS = [member(ME, "Mia Berg", "owner"), member(ANA, "Ana", "editor"), member(BEN, "Ben Okoro", "editor")];
const said = (box: HTMLElement, text: string): Promise<void> => until(() => box.textContent.includes(text), text);
const cell = (index: number): CellId => `cell-${index}` as CellId;

/** A notebook that Mia began and Ana changed; `show` opens the panel on it. */
async function begin(sources: readonly string[] = ["a = 1", "b = 2\nprint(b)", "c = 3"]) {
  let time = Date.UTC(2026, 0, 5, 9, 10);
  const notebook = await openNotebook(sources, () => time);
  closers.push(notebook.close);
  const { client, host } = notebook;
  const network = testNetwork();
  const page = testPage(network);
  let view: PageView | undefined;
  return {
    ...notebook,
    page,
    network,
    view: () => view as PageView,
    pass: (minutes = 0) => (time += minutes * MINUTE),
    as: (who: string) => host.setAuthor(client.document, who),
    share: (more?: Partial<Sharing>) =>
      network.set({ sharing: sharingOf(client.document, { members: MEMBERS, ...more }) }),
    async show(): Promise<HTMLElement> {
      const { box, end } = draw(() => {
        view = notebook.view(page);
        const context = { page, view };
        return <HistoryPanel context={context} workspace={undefined} />;
      });
      closers.push(end);
      await until(() => !box.textContent.includes("Reading"), "it was read");
      return box;
    },
  };
}

/** Three sessions: the beginning, Mia's, Ana's. */
async function beginWithAna() {
  const opened = await begin();
  const { client, pass, as, share } = opened;
  share();
  pass(30);
  await as(ANA);
  await client.change([
    { type: "splice_text", cell: cell(1), at: 4, remove: 1, insert: "20" },
    { type: "delete_cell", cell: cell(2) },
    {
      type: "insert_cell",
      after: cell(0),
      cell: { id: cell(9), kind: "code", language: "python", source: "new = True" },
    },
  ]);
  return opened;
}

const slider = (box: HTMLElement) => byRole<HTMLInputElement>(box, "input[type=range]", "Go through the history");
const sourcesOf = (view: PageView): readonly string[] => view.cells().map(({ source }) => source);

describe("the history of a notebook", () => {
  it("is gone through with the keys of a slider, which says when and who", async () => {
    const { show } = await beginWithAna();
    const box = await show();
    await expectAccessible(box);
    const range = slider(box);
    expect([range.min, range.max, range.value]).toEqual(["0", "2", "2"]);
    expect(range.getAttribute("aria-valuetext")).toMatch(/^Mon, Jan 5, 2026, .*, Ana, 1 change$/);
    range.focus();
    await userEvent.keyboard("{ArrowLeft}");
    await until(() => range.getAttribute("aria-valuetext")?.endsWith(", 1 change") === true, "the one before");
    expect(range.getAttribute("aria-valuetext")).not.toContain("Ana");
    await userEvent.keyboard("{Home}");
    await until(() => range.getAttribute("aria-valuetext") === "The beginning, 1 change", "the beginning");
    expect(document.activeElement).toBe(range);
    expect(box.querySelector(".history-sessions [aria-current]")?.textContent).toContain("The beginning");
    await expectAccessible(box);
  });

  it("says of a session what changed in which cell and who did it, and shows the texts", async () => {
    const { show } = await beginWithAna();
    const box = await show();
    await said(box, "by Ana");
    const cells = [...box.querySelectorAll(".history-cell summary")].map((line) =>
      line.textContent.replaceAll(/\s+/g, " ").trim(),
    );
    expect(cells).toEqual([
      "Cell 2 python added by Ana new = True",
      "Cell 3 python text changed by Ana b = 20",
      "Cell 3 python deleted by Ana c = 3",
    ]);
    for (const summary of box.querySelectorAll<HTMLElement>(".history-cell summary")) summary.click();
    await until(() => box.querySelector(".cm-deletedLine") !== null, "the difference is drawn");
    expect(box.querySelector(".cm-deletedLine")?.textContent).toContain("b = 2");
    expect(box.querySelector(".cm-changedLine")?.textContent).toContain("b = 20");
    await expectAccessible(box);
    expect(box.scrollWidth).toBeLessThanOrEqual(272);
  });

  it("puts one cell back, also one that is gone, and takes that back again", async () => {
    const { show, view, page } = await beginWithAna();
    const box = await show();
    const range = slider(box);
    range.focus();
    await userEvent.keyboard("{ArrowLeft}");
    await until(() => box.querySelectorAll(".history-cell").length === 4, "the cells of the session before");
    const gone = [...box.querySelectorAll<HTMLElement>(".history-cell")].find((line) =>
      line.textContent.includes("c = 3"),
    );
    gone?.querySelector("summary")?.click();
    await said(box, "This cell is not in the notebook now.");
    await expectAccessible(box);
    byRole(box, "button", /^Restore this cell/).focus();
    await userEvent.keyboard("{Enter}");
    await until(() => sourcesOf(view()).includes("c = 3"), "the cell is there");
    expect(sourcesOf(view())).toEqual(["a = 1", "new = True", "b = 20\nprint(b)", "c = 3"]);
    expect(page.said).toContain("The cell is as it was.");
    await view().undo();
    await until(() => !sourcesOf(view()).includes("c = 3"), "undone");
  });

  it("puts all back, with a way to undo it", async () => {
    const { show, view } = await beginWithAna();
    const box = await show();
    const entries = box.querySelectorAll<HTMLElement>(".history-sessions button");
    entries[1]?.click();
    await until(() => box.querySelectorAll(".history-cell").length === 4, "the session before");
    byRole(box, "button", "Restore all").click();
    await until(() => sourcesOf(view()).join() === "a = 1,b = 2\nprint(b),c = 3", "as it was");
    await said(box, "Show newer changes");
    byRole(box, "button", "Show newer changes").click();
    await until(() => slider(box).max === "3" || slider(box).max === "2", "read again");
    await view().undo();
    await until(() => sourcesOf(view()).includes("new = True"), "undone");
  });

  it("shows the whole notebook as it was, with its outputs, and which of them are not here", async () => {
    const { client, pass, show } = await begin(["a = 1", "b = 2"]);
    const run = (id: string, more: Partial<Run>): Run => ({
      id: id as Run["id"],
      status: "ok",
      count: 1,
      started: 1,
      ms: 1,
      sourceHash: "x",
      outputs: [],
      ...more,
    });
    pass(30);
    await client.change([
      {
        type: "set_run",
        cell: cell(0),
        run: run("r1", { outputs: [{ output_type: "stream", name: "stdout", text: "hello from then\n" }] }),
      },
      { type: "set_run", cell: cell(1), run: run("r2", { missing: `bafkrei${"a".repeat(52)}` }) },
    ]);
    pass(30);
    await client.change([
      { type: "clear_run", cell: cell(0) },
      { type: "clear_run", cell: cell(1) },
    ]);
    const box = await show();
    box.querySelectorAll<HTMLElement>(".history-sessions button")[1]?.click();
    await said(box, "outputs changed");
    byRole(box, "button", "The notebook then").focus();
    await userEvent.keyboard("{Enter}");
    await said(box, "hello from then");
    expect(box.textContent).toContain("Its outputs are not here");
    await expectAccessible(box);
  });
});

describe("a version", () => {
  it("gets a name, another one, and none, each with the keyboard and each to be undone", async () => {
    const { show, view, client } = await beginWithAna();
    const box = await show();
    byRole(box, "button", "Name this version").focus();
    await userEvent.keyboard("{Enter}");
    const field = byRole<HTMLInputElement>(box, "input", /^Name for the version/);
    await until(() => document.activeElement === field, "the field has the focus");
    await userEvent.keyboard("{Enter}");
    await said(box, "Give it a name first.");
    await expectAccessible(box);
    await userEvent.keyboard("Before the talk{Enter}");
    await said(box, "Named versions");
    expect(client.notebook.versions?.map(({ name }) => name)).toEqual(["Before the talk"]);
    byRole(box, "button", "Rename Before the talk").click();
    await userEvent.keyboard("After the talk{Enter}");
    await said(box, "After the talk");
    byRole(box, "button", /^After the talk/).click();
    await expect.poll(() => box.textContent).toContain("The cells now are as they were then.");
    await expectAccessible(box);
    byRole(box, "button", "Remove the name After the talk").click();
    await until(() => client.notebook.versions === undefined, "no name");
    await view().undo();
    await said(box, "After the talk");
  });

  it("of which changes are not here says so", async () => {
    const { client, show } = await begin();
    const to = { name: "From elsewhere", time: 1, heads: ["0".repeat(64)] };
    await client.change([{ type: "set_version", version: "v", to }]);
    const box = await show();
    byRole(box, "button", /^From elsewhere/).click();
    await said(box, "made of changes that are not here");
    await expectAccessible(box);
  });
});

describe("a branch", () => {
  it("of a version is put into the library and offered to be opened", async () => {
    const { show, client, page, openInFirst } = await beginWithAna();
    const box = await show();
    box.querySelectorAll<HTMLElement>(".history-sessions button")[1]?.click();
    await until(() => box.querySelectorAll(".history-cell").length === 4, "the session before");
    byRole(box, "button", "Branch off").click();
    await until(() => page.offered.length === 1, "it is there");
    expect(page.said).toEqual(["A notebook of this version is in the library."]);
    page.offered[0]?.run();
    const branch = await openInFirst(page.opened[0] as DocumentId);
    expect(branch.notebook.title).toMatch(/^Test \(Mon, Jan 5, 2026/);
    expect(branch.notebook.cells.map(({ source }) => source)).toEqual(["a = 1", "b = 2\nprint(b)", "c = 3"]);
    expect(branch.document).not.toBe(client.document);
  });

  it("shows what merging back would change, and merges", async () => {
    const { client, page, openInFirst } = await begin();
    const [latest] = (await client.history(1)).sessions;
    const branch = await openInFirst(await client.branch(latest?.heads ?? [], "A try"));
    await branch.change([{ type: "splice_text", cell: cell(0), at: 0, remove: 1, insert: "alpha" }]);
    const { view, end } = viewOf(branch);
    closers.push(end);
    const panel = draw(() => {
      const context = { page, view: view(page) };
      return <HistoryPanel context={context} workspace={undefined} />;
    });
    closers.push(panel.end);
    const { box } = panel;
    await said(box, "branched off from another one");
    byRole(box, "button", "Merge back").focus();
    await userEvent.keyboard("{Enter}");
    await said(box, "Merging into “Test” would change 1 cell:");
    expect(box.querySelector(".history-merge .history-cell summary")?.textContent).toContain("alpha = 1");
    await expectAccessible(box);
    expect(client.notebook.cells[0]?.source).toBe("a = 1");
    byRole(box, "button", "Merge").click();
    await expect.poll(() => client.notebook.cells[0]?.source).toBe("alpha = 1");
    await until(() => page.offered.length === 1, "the way there is offered");
    expect(client.notebook.title).toBe("Test");
  });
});

describe("a long history", () => {
  it("is read in pages, and is still gone through with one slider", async () => {
    const { client, pass, show } = await begin();
    for (let index = 0; index < 60; index += 1) {
      pass(10);
      await client.change([{ type: "set_title", title: `Title ${index}` }]);
    }
    const box = await show();
    expect(slider(box).max).toBe("39");
    await said(box, "No cell differs");
    byRole(box, "button", "Show earlier").click();
    await until(() => slider(box).max === "61", "the rest was read");
    expect(slider(box).value).toBe("61");
    expect(box.querySelectorAll("button").length).toBeGreaterThan(60);
    await said(box, "The beginning");
    expect(box.textContent).not.toContain("Show earlier");
  });
});

describe("who may only read", () => {
  it("sees what changed and is offered nothing that changes", async () => {
    const { share, show } = await beginWithAna();
    share({ role: "reader" });
    const box = await show();
    await said(box, "by Ana");
    for (const summary of box.querySelectorAll<HTMLElement>(".history-cell summary")) summary.click();
    await said(box, "Go to it");
    expect(box.textContent).not.toMatch(/Restore|Name this version/);
    await expectAccessible(box);
  });
});

describe("what changed while one was away", () => {
  it("is offered by a quiet line once it came, and listed for each person and cell", async () => {
    const { client, host, pass, as, share, page, network, openInFirst } = await begin();
    const { document } = client;
    await as(ME);
    const stay = await host.hold(document);
    closers.push(() => stay?.release());
    client.close();
    await host.flush();

    // Elsewhere, an hour later, Ana and Ben write in it.
    pass(60);
    const { start, library } = await elsewhere(host, document, pass());
    const theirs = await library.open(document);
    await start.setAuthor(document, ANA);
    await theirs.change([{ type: "splice_text", cell: cell(0), at: 0, remove: 0, insert: "# Ana\n" }]);
    await start.setAuthor(document, BEN);
    await theirs.change([
      { type: "splice_text", cell: cell(0), at: 0, remove: 0, insert: "# Ben\n" },
      { type: "delete_cell", cell: cell(2) },
    ]);

    pass(60);
    const again = await openInFirst(document);
    const { view: viewAgain, end: stop } = viewOf(again);
    closers.push(stop);
    share();
    const line = draw(() => {
      const shown = viewAgain(page);
      return <AwayLine view={shown} onShow={() => askFor("away")} />;
    });
    await again.away();
    expect(line.box.textContent).toBe("");
    // Now the first of them is met.
    await host.applyChanges(document, await start.changesSince(document, []));
    await sign(start, host, document);
    share({ linked: [{ id: ANA, path: "direct" }] });
    await expect
      .poll(() => line.box.textContent)
      .toContain("Ana and Ben Okoro changed this notebook while you were away.");
    await expectAccessible(line.box);
    byRole(line.box, "button", "What changed").click();
    expect(line.box.textContent).toBe("");
    line.end();

    const panel = draw(() => {
      const context = { page, view: viewAgain(page) };
      return <HistoryPanel context={context} workspace={undefined} />;
    });
    closers.push(panel.end);
    const { box } = panel;
    await said(box, "Ben Okoro 2 cells");
    expect(network.sharing(document)).toBeDefined();
    const groups = [...box.querySelectorAll("h4, .history-cell summary")].map((one) =>
      one.textContent.replaceAll(/\s+/g, " ").trim(),
    );
    expect(groups.toSorted()).toEqual([
      "Ana 1 cell",
      "Ben Okoro 2 cells",
      "Cell 1 python text changed # Ben",
      "Cell 1 python text changed # Ben",
      "Cell 3 python deleted c = 3",
    ]);
    await expectAccessible(box);
    byRole(box, "button", "Show the whole history").click();
    await said(box, "Sessions of work");
  });

  it("is said without a name as long as nobody has signed it", async () => {
    const { client, host, pass, share, show } = await begin();
    share();
    pass(60);
    const { start, library } = await elsewhere(host, client.document, pass());
    const theirs = await library.open(client.document);
    await start.setAuthor(client.document, ANA);
    await theirs.change([{ type: "splice_text", cell: cell(0), at: 0, remove: 0, insert: "# Ana\n" }]);
    await host.applyChanges(client.document, await start.changesSince(client.document, []));
    const box = await show();
    await said(box, "not signed · 1 change");
    await said(box, "text changed not signed");
    await said(box, "name somebody who has not confirmed them yet");
    expect(box.querySelector("ol")?.textContent).not.toContain("Ana");
    await expectAccessible(box);
    expect(box.scrollWidth).toBeLessThanOrEqual(272);

    await sign(start, host, client.document);
    await said(box, "Show newer changes");
    byRole(box, "button", "Show newer changes").click();
    await said(box, "Ana · 1 change");
    expect(box.textContent).not.toContain("not signed");
  });

  it("is nothing, and says so, where nobody else was", async () => {
    const { share, show } = await begin();
    share();
    askFor("away");
    const box = await show();
    await said(box, "Nobody else changed this notebook");
    await expectAccessible(box);
  });
});

describe("shortening the history", () => {
  it("says what there is and what it would do, does it, and what was done before is still in the list", async () => {
    const { client, pass, show } = await beginWithAna();
    askFor("shorten");
    const box = await show();
    await said(box, "This notebook has 3 changes in it");
    await expectAccessible(box);
    byRole(box, "button", "Shorten it").click();
    await said(box, "Done: 3 changes");
    expect(document.activeElement?.textContent).toBe("Show the history");
    pass(30);
    await client.change([{ type: "set_title", title: "After" }]);
    byRole(box, "button", "Show the history").click();
    await said(box, "The history was shortened here.");
    const entries = () => [...box.querySelectorAll(".history-sessions .history-entry")].map((one) => one.textContent);
    expect(entries()).toHaveLength(1);
    await expectAccessible(box);
    byRole(box, "button", "Show earlier").click();
    await until(() => entries().length === 4, "the earlier sessions");
    expect(box.textContent).not.toContain("The history was shortened here.");
    // The states of before are still what they were.
    slider(box).focus();
    await userEvent.keyboard("{Home}{ArrowRight}");
    await until(() => slider(box).value === "1", "the second session");
    byRole(box, "button", "The notebook then").click();
    await until(() => box.querySelector(".history-past")?.textContent.includes("c = 3") ?? false, "how it was");
  });

  it("is left to the owners of a notebook that several have", async () => {
    const { share, show } = await begin();
    share({ role: "editor", members: [member(ME, "Mia Berg", "editor"), member(BEN, "Ben Okoro", "owner")] });
    askFor("shorten");
    const box = await show();
    await said(box, "Only an owner of this notebook can shorten its history");
    expect([...box.querySelectorAll("button")].map((button) => button.textContent)).toEqual(["Not now"]);
    await expectAccessible(box);
  });
});

/** What was written at one host counts as signed at the other from now on. */
async function sign(from: DocumentHost, to: DocumentHost, document: DocumentId): Promise<void> {
  const replica = await from.hold(document);
  to.setSigned(document, (await replica?.ownChanges()) ?? []);
  replica?.release();
}

/** The same notebook in another browser, whose clock stands at that time. */
async function elsewhere(host: DocumentHost, document: DocumentId, time: number) {
  const start = new DocumentHost({
    store: new MemoryDocStore(),
    blocks: new MemoryBlockStore(),
    fileBlocks: new MemoryBlockStore(),
    automerge: Promise.resolve(),
    now: () => time,
  });
  const [end, worker] = channelPair<FromDocument, ToDocument>();
  const library = new LibraryClient(end);
  start.connect(worker);
  const pieces = await host.changesSince(document, []);
  await start.adopt(document, new Uint8Array(pieces.flatMap((piece) => [...piece])));
  closers.push(() => void start.close());
  return { start, library };
}
