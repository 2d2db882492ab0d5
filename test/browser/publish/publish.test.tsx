/** Publishing by its panel, and the panel of pins: every state, by the keyboard, in all themes. */
import { page as browserPage, userEvent } from "vitest/browser";
import { afterEach, describe, expect, it } from "vitest";
import { publishedVersions } from "#core/artefact/versions.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { NotebookView } from "#kit/commands.ts";
import { KeptPanel } from "#plugins/publish/kept-panel.tsx";
import { PublishPanel } from "#plugins/publish/panel.tsx";
import { byRole, draw, expectAccessible, openNotebook, testNetwork, testPage, type TestPage } from "../people/kit.tsx";
import { until } from "../ui/kit.ts";
import { workspaceOf } from "./workspace.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

const TOKEN = `ghp_${"a1B2c3D4e5".repeat(4)}`.slice(0, 40);
const FILES = { "data/rain.csv": "day,rain\n1,2\n", "notes.txt": "nothing to see", ".hidden": "x" };
const CELLS = ['rain = open("data/rain.csv").read()', "print(rain)"];

interface Opened {
  readonly box: HTMLElement;
  readonly page: TestPage;
  readonly view: NotebookView;
}

async function open(
  cells: readonly string[] = CELLS,
  workspace: Workspace | undefined = workspaceOf(FILES),
  name = "Mia Berg",
  language = "python",
): Promise<Opened> {
  const notebook = await openNotebook(cells);
  closers.push(notebook.close);
  const changed = notebook.client.notebook.cells.map(
    ({ id }) => ({ type: "set_language", cell: id, kind: "code", language }) as const,
  );
  await notebook.client.change(changed);
  const page = testPage(testNetwork(name));
  let shown: NotebookView | undefined;
  const { box, end } = draw(() => {
    const view = notebook.view(page);
    shown = view;
    return <PublishPanel context={{ page, view }} workspace={workspace} />;
  });
  closers.push(end);
  await said(box, "What goes in");
  return { box, page, view: shown as NotebookView };
}

const said = (box: HTMLElement, text: string): Promise<void> => until(() => box.textContent.includes(text), text);
const published = (box: HTMLElement): Promise<void> =>
  until(() => box.querySelector(".publish-done") !== null, "it is published");
const submit = (box: HTMLElement): HTMLButtonElement =>
  box.querySelector<HTMLButtonElement>("button[type=submit]") as HTMLButtonElement;

describe("the publish panel", () => {
  it("says what goes in, publishes by the keyboard, and hands over the name, the links, the code and the file", async () => {
    const { box, page } = await open();
    await expectAccessible(box);
    expect(byRole<HTMLInputElement>(box, "input", /data\/rain\.csv/).checked).toBe(true);
    expect(box.textContent).toContain("Other files of the workspace: 1");
    expect(box.textContent).not.toContain(".hidden");
    byRole(box, "input", "Title").focus();
    await userEvent.keyboard("{Control>}a{/Control}Rain in Seattle");
    submit(box).focus();
    await userEvent.keyboard("{Enter}");
    await published(box);
    expect(document.activeElement?.textContent).toBe("Published");
    const root = byRole<HTMLInputElement>(box, "input", "Its name (CID of the root)").value;
    expect(root).toMatch(/^bafyrei/);
    expect(byRole<HTMLInputElement>(box, "input", "Link that opens it in Kroma").value).toContain(
      `#/artefact/${root}?envelope=`,
    );
    byRole(box, "summary", "QR code").click();
    await until(() => box.querySelector(".qr-code") !== null, "a QR code");
    await expectAccessible(box);
    byRole(box, "button", "Download .car").click();
    await until(() => page.downloads.length === 1, "a file");
    expect(page.downloads[0]?.name).toBe("Rain in Seattle-1.0.0.car");
    const summary = await page.artefacts.client().open(root, { from: [] });
    expect(summary.title).toBe("Rain in Seattle");
    expect(summary.files.map(({ path }) => path)).toEqual(["index.html", "notebook.ipynb", "workspace/data/rain.csv"]);
    const shown = new TextDecoder().decode(await page.artefacts.client().read(root, "index.html"));
    expect(shown).toContain("Rain in Seattle");
    expect(shown).not.toContain("<script");
  });

  it("offers the next version afterwards, and calls an unchanged notebook the same", async () => {
    const { box } = await open();
    submit(box).click();
    await published(box);
    const root = byRole<HTMLInputElement>(box, "input", "Its name (CID of the root)").value;
    byRole(box, "button", "Back to the form").click();
    await said(box, "Published before: 1 version");
    expect(byRole<HTMLInputElement>(box, "input", "Version").value).toBe("1.0.1");
    const version = byRole<HTMLInputElement>(box, "input", "Version");
    version.focus();
    await userEvent.keyboard("{Control>}a{/Control}1.0.0");
    await said(box, "data/rain.csv");
    submit(box).click();
    await said(box, "Nothing has changed since");
    expect(byRole<HTMLInputElement>(box, "input", "Its name (CID of the root)").value).toBe(root);
  });

  it("notes with the notebook what was published of it, which can be undone, and what it asks for", async () => {
    const { box, page, view } = await open();
    const { client } = view;
    byRole(box, "summary", /What it asks for: nothing/).click();
    byRole<HTMLInputElement>(box, "input", "To reach the network").click();
    await said(box, "What it asks for: 1 power");
    await expectAccessible(box);
    byRole<HTMLInputElement>(box, "input", "With Kroma").click();
    await said(box, "There is no built Kroma in these tests.");
    submit(box).click();
    await published(box);
    const root = byRole<HTMLInputElement>(box, "input", "Its name (CID of the root)").value;
    await until(() => publishedVersions(client.notebook).length === 1, "it is noted");
    expect(publishedVersions(client.notebook)).toMatchObject([{ cid: root, version: "1.0.0", parents: [] }]);
    const summary = await page.artefacts.client().open(root, { from: [] });
    expect(summary.capabilities).toEqual(["network"]);
    expect(summary.environment.pyodide).toBe(page.artefacts.pyodide);
    const file = new TextDecoder().decode(await page.artefacts.client().read(root, "notebook.ipynb"));
    expect(file).not.toContain("published");
    await view.undo();
    await until(() => publishedVersions(client.notebook).length === 0, "it is taken back");
  });

  it("names the Linux image of shell cells by its CID, or takes it along", async () => {
    const { box, page } = await open(["uname"], workspaceOf(FILES), "Mia Berg", "shell");
    const image = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";
    Object.assign(page.artefacts, {
      runtimeFor: async () => ({ base: "https://kroma.example/", files: [] }),
      linux: async () => ({
        base: "https://kroma.example/assets/vm/",
        cid: image,
        files: [{ path: "state", size: 1_500_000 }],
      }),
    });
    byRole<HTMLInputElement>(box, "input", "With Kroma").click();
    await said(box, "With Linux, 1.5 MB");
    expect(box.textContent).toContain("named by its CID alone");
    await expectAccessible(box);
    byRole<HTMLInputElement>(box, "input", /With Linux/).click();
    await said(box, "Who keeps this keeps the image too");
    byRole<HTMLInputElement>(box, "input", /With Linux/).click();
    submit(box).click();
    await published(box);
    const root = byRole<HTMLInputElement>(box, "input", "Its name (CID of the root)").value;
    expect((await page.artefacts.client().open(root, { from: [] })).environment.image).toBe(image);
    const note = new TextDecoder().decode(await page.artefacts.client().read(root, "linux.json"));
    expect(JSON.parse(note)).toEqual({ version: 1, image });
  });

  it("says which field is missing, and puts the focus there", async () => {
    const { box } = await open(CELLS, workspaceOf(FILES), "");
    submit(box).click();
    await said(box, "Say who made it.");
    expect(document.activeElement).toBe(byRole(box, "input", "Authors"));
    await userEvent.keyboard("Ana, Ben");
    const version = byRole<HTMLInputElement>(box, "input", "Version");
    version.focus();
    await userEvent.keyboard("{Control>}a{/Control}not a version");
    submit(box).click();
    await said(box, "A version is something like");
    expect(document.activeElement).toBe(version);
    await expectAccessible(box);
  });

  it("warns of secrets in cells and files, and publishes only after somebody has looked", async () => {
    const { box, page } = await open([`token = "${TOKEN}"`], workspaceOf({ ...FILES, "keys.txt": `key: ${TOKEN}` }));
    await said(box, "This looks like a secret");
    expect(box.textContent).toContain("cell 1, line 1");
    expect(box.textContent).not.toContain(TOKEN);
    await expectAccessible(box);
    submit(box).click();
    await said(box, "Look at what may be a secret first");
    expect((await page.artefacts.client().kept()).artefacts).toEqual([]);
    byRole(box, "summary", /Other files/).click();
    byRole<HTMLInputElement>(box, "input", /keys\.txt/).click();
    await said(box, "keys.txt, line 1");
    byRole<HTMLInputElement>(box, "input", /I have looked/).click();
    submit(box).click();
    await published(box);
  });

  it("can be stopped and goes on later, with nothing published in between", async () => {
    const big = new Uint8Array(3_000_000).map((_, index) => (index * 7) >>> 3);
    const slow = workspaceOf({ "data/rain.csv": big });
    let held: (() => void) | undefined;
    const holding: Workspace = {
      ...slow,
      async read(path, part) {
        if (part && part.offset > 0 && !held) await new Promise<void>((resolve) => (held = resolve));
        return slow.read(path, part);
      },
    };
    const { box, page } = await open(CELLS, holding);
    submit(box).click();
    await until(() => held !== undefined, "it is in the middle of the file");
    await said(box, "Publishing …");
    await expectAccessible(box);
    expect(document.activeElement?.textContent).toBe("Cancel");
    byRole(box, "button", "Cancel").click();
    await said(box, "was cut off");
    held?.();
    expect((await page.artefacts.client().kept()).artefacts).toEqual([]);
    await expectAccessible(box);
    byRole(box, "button", "Go on").click();
    await published(box);
    expect((await page.artefacts.client().kept()).unfinished).toEqual([]);
  });

  it("says what is wrong when there is no room, and when files can't be reached", async () => {
    const { box, page } = await open();
    page.artefacts.quota = 1_234_600;
    submit(box).click();
    await said(box, "This browser has no room for it");
    expect(box.textContent).toContain("Nothing was published.");
    await expectAccessible(box);
    const without = await open(["x = 1"], undefined);
    expect(without.box.textContent).not.toContain("Files that its cells use");
    submit(without.box).click();
    await published(without.box);
  });

  it("fits a narrow screen with long words", async () => {
    await browserPage.viewport(390, 800);
    const long = "x".repeat(200);
    const { box } = await open([`open("${long}.csv")`], workspaceOf({ [`${long}.csv`]: "1" }));
    expect(box.scrollWidth).toBeLessThanOrEqual(box.clientWidth);
    submit(box).click();
    await published(box);
    expect(box.scrollWidth).toBeLessThanOrEqual(box.clientWidth);
  });
});

describe("the panel of pins", () => {
  async function kept(): Promise<Omit<Opened, "view">> {
    const { page, box: form } = await open();
    submit(form).click();
    await published(form);
    for (const close of closers.splice(0).reverse()) close();
    const { box, end } = draw(() => <KeptPanel context={{ page, view: undefined }} workspace={undefined} />);
    closers.push(end);
    await said(box, "published here");
    return { box, page };
  }

  it("says what goes there while it is empty", async () => {
    const page = testPage(testNetwork());
    const { box, end } = draw(() => <KeptPanel context={{ page, view: undefined }} workspace={undefined} />);
    closers.push(end);
    await said(box, "Nothing is pinned yet");
    await expectAccessible(box);
  });

  it("unpins, pins again, frees space, and hands over the file", async () => {
    const { box, page } = await kept();
    await expectAccessible(box);
    expect(box.textContent).toContain("in this browser");
    const act = async (label: string): Promise<void> => {
      box.querySelector<HTMLElement>("[aria-haspopup]")?.click();
      await until(() => document.querySelector("[role=menu]:popover-open, [role=menu]") !== null, "a menu");
      byRole(document.body, "[role=menuitem]", label).click();
    };
    await act("Download .car");
    await until(() => page.downloads.length === 1, "a file");
    await act("Unpin");
    await said(box, "Nothing is pinned yet");
    page.offered.at(-1)?.run();
    await said(box, "Test, 1.0.0");
    byRole(box, "button", "Free space").click();
    await said(box, "There was nothing to free.");
    await act("Unpin");
    await said(box, "Nothing is pinned yet");
    byRole(box, "button", "Free space").click();
    await said(box, "are freed");
    const names: string[] = [];
    for await (const name of page.artefacts.blocks.list()) names.push(name);
    expect(names).toEqual([]);
  });

  it("says when blocks of it are gone", async () => {
    const { box, page } = await kept();
    const [artefact] = (await page.artefacts.client().kept()).artefacts;
    await page.artefacts.blocks.remove(artefact?.root ?? "");
    await page.artefacts.client().discard("nothing");
    await said(box, "not all of it");
    await expectAccessible(box);
  });
});
