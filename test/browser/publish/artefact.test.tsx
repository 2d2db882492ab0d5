/** The page of a published notebook: found, unknown, signed by whom, hostile, fetched and stopped; and the dialog to open one. */
import { page as browserPage, userEvent } from "vitest/browser";
import { afterEach, describe, expect, it } from "vitest";
import type { ArtefactAddress } from "#core/artefact/address.ts";
import type { ArtefactSummary, Draft, Publication } from "#core/artefact/messages.ts";
import { isUntrustedArtefact, accessOf } from "#app/browser/notebook/access.ts";
import { ArtefactBanner } from "#app/browser/artefact/artefact-banner.tsx";
import { ArtefactPage } from "#app/browser/artefact/artefact-page.tsx";
import { OpenArtefactDialog } from "#app/browser/artefact/open-dialog.tsx";
import { openAsNotebook, prepareArtefactFiles } from "#app/browser/open-artefact.ts";
import { byRole, draw, expectAccessible, testNetwork, testPage, type TestPage } from "../people/kit.tsx";
import { testArtefacts } from "../ui/artefacts.ts";
import { openLibrary, until } from "../ui/kit.ts";
import { workspaceOf } from "./workspace.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

const said = (box: HTMLElement, text: string): Promise<void> => until(() => box.textContent.includes(text), text);
const text = (written: string): Uint8Array => new TextEncoder().encode(written);
const NOTEBOOK = text(
  JSON.stringify({
    cells: [{ id: "a", cell_type: "code", source: "1 + 1", metadata: {}, outputs: [], execution_count: null }],
    metadata: { kernelspec: { name: "python", display_name: "Python" } },
    nbformat: 4,
    nbformat_minor: 5,
  }),
);

const draftOf = (change: Partial<Draft> = {}): Draft => ({
  document: "document-1",
  name: "rain",
  version: "1.0.0",
  title: "Rain",
  authors: [{ name: "Ana" }],
  licence: "CC-BY-4.0",
  environment: { packages: [], npm: [] },
  capabilities: ["network:example.org", "hyperdrive"],
  parents: [],
  made: [
    { path: "index.html", bytes: text("<!doctype html>") },
    { path: "notebook.ipynb", bytes: NOTEBOOK },
  ],
  files: [{ path: "data/rain.csv", size: 12, modified: 1 }],
  signAs: "Ana",
  ...change,
});

/** Published by somebody in another browser, and brought here as a file. */
async function bring(
  page: TestPage,
  byte: number,
  name: string,
  change: Partial<Draft> = {},
): Promise<{ readonly publication: Publication; readonly car: Blob }> {
  const theirs = testArtefacts(byte, name).client();
  const publication = await theirs.publish(draftOf(change), { read: async () => text("day,rain\n1,2") });
  const car = await theirs.exportCar(publication.directory);
  await page.artefacts.client().importCar(car);
  return { publication, car };
}

interface Shown {
  readonly box: HTMLElement;
  readonly page: TestPage;
  readonly opened: (readonly [ArtefactSummary, boolean])[];
  readonly end: () => void;
}

function show(page: TestPage, address: ArtefactAddress): Shown {
  const opened: (readonly [ArtefactSummary, boolean])[] = [];
  const { box, end } = draw(
    () => (
      <ArtefactPage
        address={address}
        page={page}
        onOpen={async (artefact, isFork) => void opened.push([artefact, isFork])}
      />
    ),
    1000,
    "div",
  );
  closers.push(end);
  return { box, page, opened, end };
}

describe("the page of a published notebook", () => {
  it("says what it is, who signed it and what it would do, and leads on", async () => {
    const page = testPage(testNetwork());
    const { publication } = await bring(page, 2, "Ana");
    const { box, opened } = show(page, { cid: publication.directory, from: [] });
    await said(box, "who calls themself “Ana”");
    await expectAccessible(box);
    expect(box.textContent).toContain("It asks to reach the network: example.org.");
    expect(box.textContent).toContain("“hyperdrive”, which this Kroma does not know");
    expect(box.textContent).toContain("CC-BY-4.0");
    byRole(box, "button", "Open").click();
    await until(() => opened.length === 1, "it is opened");
    byRole(box, "button", "Fork").click();
    await until(() => opened.length === 2, "it is forked");
    expect(opened.map(([{ root }, isFork]) => [root, isFork])).toEqual([
      [publication.root, false],
      [publication.root, true],
    ]);
    byRole(box, "button", "Pin").click();
    await said(box, "Pinned in this browser");
    expect((await page.artefacts.client().kept()).artefacts).toMatchObject([{ cid: publication.directory }]);
    byRole(box, "button", "Download .car").click();
    await until(() => page.downloads.length === 1, "a file");
  });

  it("remembers an author, knows them again, warns of their name on other keys, and forgets", async () => {
    const page = testPage(testNetwork());
    const { publication } = await bring(page, 2, "Ana");
    const { box, end } = show(page, { cid: publication.root, from: [] });
    await said(box, "You have not met these keys");
    byRole(box, "summary", "Remember who this is").click();
    byRole(box, "input", "What you call them").focus();
    await userEvent.keyboard("{Control>}a{/Control}Ana from school{Enter}");
    await said(box, "Signed by Ana from school, who calls themself “Ana”. You know these keys.");
    await expectAccessible(box);
    end();
    const forged = await bring(page, 3, "ANA", { title: "Not hers" });
    const other = show(page, { cid: forged.publication.root, from: [] });
    await said(other.box, "Careful: it is signed in the name of “ANA”");
    expect(other.box.querySelector("[role=alert]")?.textContent).toContain("Careful");
    await expectAccessible(other.box);
    other.end();
    const again = show(page, { cid: publication.root, from: [] });
    await said(again.box, "Signed by Ana from school");
    byRole(again.box, "button", "Forget this author").click();
    await said(again.box, "You have not met these keys");
  });

  it("says when nobody signed it, and when a signature does not hold", async () => {
    const page = testPage(testNetwork());
    const { publication } = await bring(page, 2, "Ana");
    const bare = testPage(testNetwork());
    for await (const name of page.artefacts.blocks.list())
      await bare.artefacts.blocks.put((await page.artefacts.blocks.get(name)) as Uint8Array);
    const unsigned = show(bare, { cid: publication.root, from: [] });
    await said(unsigned.box, "Nobody signed it");
    unsigned.end();
    // One bit of the second signature is another.
    const envelope = (await bare.artefacts.blocks.get(publication.envelope)) as Uint8Array;
    const at = envelope.length - 2000;
    envelope.set([(envelope[at] ?? 0) ^ 1], at);
    const broken = await bare.artefacts.blocks.put(envelope, "dag-cbor");
    const { box } = show(bare, { cid: publication.root, envelope: broken, from: [] });
    await said(box, "Its signature does not hold");
    expect(box.textContent).toContain("Who made it is not known");
    await expectAccessible(box);
  });

  it("says what is missing and whom it asked, and asks another who has it", async () => {
    const page = testPage(testNetwork());
    page.artefacts.gateways = ["http://127.0.0.1:9"];
    const cid = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
    const { box } = show(page, { cid, from: [] });
    await said(box, "127.0.0.1:9 can't be reached");
    await expectAccessible(box);
    byRole(box, "input", "Ask another gateway or mirror").focus();
    await userEvent.keyboard("nonsense{Enter}");
    await said(box, "An address begins with https:// or http://.");
    byRole(box, "button", "Go to the library").click();
    expect(page.opened).toContain("library");
    const nobody = show(testPage(testNetwork()), { cid, from: [] });
    await said(nobody.box, "there is nobody to ask for it");
  });

  it("refuses what is no artefact, and one of a kind that is not known, with a sentence", async () => {
    const page = testPage(testNetwork());
    const file = await page.artefacts.blocks.put(text("just a file"));
    const { box } = show(page, { cid: file, from: [] });
    await said(box, "is no artefact");
    expect(box.textContent).toContain("Nothing of it was opened");
  });

  it("fits a narrow screen, however long its words are", async () => {
    await browserPage.viewport(390, 800);
    const page = testPage(testNetwork());
    const { publication } = await bring(page, 2, "A".repeat(60), {
      title: "W".repeat(250),
      authors: [{ name: "x".repeat(180) }],
    });
    const { box, end } = draw(
      () => <ArtefactPage address={{ cid: publication.root, from: [] }} page={page} onOpen={async () => undefined} />,
      390,
      "div",
    );
    closers.push(end);
    await said(box, "You have not met these keys");
    expect(box.scrollWidth).toBeLessThanOrEqual(390);
  });
});

describe("a published notebook in the library", () => {
  it("is only read until it is trusted, once however often it is opened; a fork is one's own and names its parent", async () => {
    const { library, close } = openLibrary();
    closers.push(close);
    const page = testPage(testNetwork());
    const { publication } = await bring(page, 2, "Ana");
    const summary = await page.artefacts.client().open(publication.root, { from: [] });
    const stores = { library, artefacts: page.artefacts };
    const first = await openAsNotebook(summary, false, stores);
    expect(await openAsNotebook(summary, false, stores)).toBe(first);
    const opened = await library.open(first);
    expect(opened.notebook.title).toBe("Rain");
    expect(isUntrustedArtefact(opened.entry)).toBe(true);
    expect(accessOf(undefined, opened.entry)).toMatchObject({
      refusal: expect.stringContaining("not trusted yet"),
      runRefusal: expect.stringContaining("not trusted yet"),
    });
    await library.trust(first);
    await until(() => !isUntrustedArtefact(opened.entry), "it is trusted");
    expect(accessOf(undefined, opened.entry)).toEqual({});
    const fork = await library.open(await openAsNotebook(summary, true, stores));
    expect(fork.document).not.toBe(first);
    expect(fork.notebook.title).toBe("Rain (fork)");
    expect(fork.notebook.metadata["kroma"]).toMatchObject({ parents: [publication.root] });
    expect(accessOf(undefined, fork.entry)).toEqual({});
    expect(fork.entry.foreign).toBe(true);
    opened.close();
    fork.close();
  });

  it("has its files in its workspace, but for those that are there, and only once", async () => {
    const page = testPage(testNetwork());
    const { publication } = await bring(page, 2, "Ana", {
      files: [
        { path: "data/rain.csv", size: 12, modified: 1 },
        { path: "notes.txt", size: 12, modified: 1 },
      ],
    });
    const entry = { artefact: { root: publication.root, isFork: false } };
    const workspace = workspaceOf({ "notes.txt": "mine" });
    await prepareArtefactFiles(entry, workspace, page.artefacts);
    expect(new TextDecoder().decode(await workspace.read("data/rain.csv"))).toBe("day,rain\n1,2");
    expect(new TextDecoder().decode(await workspace.read("notes.txt"))).toBe("mine");
    await workspace.remove("data/rain.csv");
    await prepareArtefactFiles(entry, workspace, page.artefacts);
    expect(await workspace.stat("data/rain.csv")).toBeUndefined();
  });

  it("says at its top what can be done with it", async () => {
    const asked: string[] = [];
    const { box, end } = draw(() => (
      <ArtefactBanner
        onTrust={() => asked.push("trust")}
        onFork={() => asked.push("fork")}
        onDetails={() => asked.push("details")}
      />
    ));
    closers.push(end);
    await expectAccessible(box);
    for (const name of ["Trust it", "Fork", "Who made it"]) byRole(box, "button", name).click();
    expect(asked).toEqual(["trust", "fork", "details"]);
  });
});

describe("the dialog that opens one", () => {
  it("takes an address in any shape, and says when it is none", async () => {
    const opened: ArtefactAddress[] = [];
    let closed = 0;
    const { box, end } = draw(() => (
      <OpenArtefactDialog
        onOpen={(address) => opened.push(address)}
        onFile={() => undefined}
        onClose={() => closed++}
      />
    ));
    closers.push(end);
    await until(() => document.activeElement?.matches(".open-artefact input") === true, "the field has the focus");
    await expectAccessible(box);
    await userEvent.keyboard("hello{Enter}");
    await said(box, "This names no published notebook");
    await userEvent.keyboard(
      "{Control>}a{/Control}https://gateway.example/ipfs/bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua/{Enter}",
    );
    await until(() => opened.length === 1, "it is opened");
    expect(opened[0]?.cid).toMatch(/^bafyrei/);
    byRole(box, "button", "Cancel").click();
    expect(closed).toBe(1);
  });
});
