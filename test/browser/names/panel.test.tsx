/** The panel of names: one's own pointed somewhere, another's followed, a newer version shown, compared and taken. */
import "#kit/tokens.css";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { page as browserPage, userEvent } from "vitest/browser";
import type { Draft } from "#core/artefact/messages.ts";
import { MemoryDocStore } from "#core/store/memory.ts";
import { createIdentity } from "#plugins/identity/own-identity.ts";
import { NameBook } from "#plugins/names/book.ts";
import { readName } from "#plugins/names/link.ts";
import { Names } from "#plugins/names/names.ts";
import { NamesPanel } from "#plugins/names/panel.tsx";
import { RECORD_TYPE } from "#plugins/names/routing.ts";
import { byRole, draw, expectAccessible, testNetwork, testPage, type TestPage } from "../people/kit.tsx";
import { testArtefacts } from "../ui/artefacts.ts";
import { until } from "../ui/kit.ts";

const SERVER = "https://names.test/";
const said = (box: HTMLElement, text: string): Promise<void> => until(() => box.textContent.includes(text), text);
const closers: (() => void)[] = [];
/** False: the server can't be reached. */
let isUp = true;

/** A server of names at that address, which the page's own fetch leads to; every other address is not there. */
beforeEach(() => {
  isUp = true;
  const book = new NameBook(new MemoryDocStore());
  const before = globalThis.fetch;
  globalThis.fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : String(input), location.href);
    if (url.origin === location.origin) return before(input, init);
    if (!isUp) throw new TypeError("Failed to fetch");
    const name = url.href.startsWith(`${SERVER}routing/v1/ipns/`) ? url.pathname.split("/").at(-1)! : "";
    if (name === "") return new Response("", { status: 404 });
    if (init?.method === "PUT") {
      await book.offer(name, new Uint8Array(await new Response(init.body).arrayBuffer()), Date.now());
      return new Response("");
    }
    const record = await book.newest(name, Date.now());
    if (!record) return new Response("", { status: 404 });
    return new Response(record.bytes.slice(), { headers: { "Content-Type": RECORD_TYPE } });
  };
  closers.push(() => (globalThis.fetch = before));
});
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

const someone = () => {
  const store = {
    load: async () => undefined,
    save: async () => undefined,
    remove: async () => undefined,
    close: () => undefined,
  };
  return createIdentity(store, "Somebody");
};
async function namesOf(isPublisher: boolean): Promise<Names> {
  const signer = isPublisher ? await someone() : undefined;
  return new Names({ book: new NameBook(new MemoryDocStore()), now: Date.now, self: async () => signer });
}

const notebook = (...sources: readonly string[]): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify({
      cells: sources.map((source, index) => ({
        id: `c${index}`,
        cell_type: "code",
        source,
        metadata: {},
        outputs: [],
        execution_count: null,
      })),
      metadata: {},
      nbformat: 4,
      nbformat_minor: 5,
    }),
  );
const draftOf = (version: string, ...sources: readonly string[]): Draft => ({
  document: "document-1",
  name: "rain",
  version,
  title: "Rain",
  authors: [{ name: "Ana" }],
  licence: "CC-BY-4.0",
  environment: { packages: [], npm: [] },
  capabilities: [],
  parents: [],
  made: [{ path: "notebook.ipynb", bytes: notebook(...sources) }],
  files: [],
  signAs: "Ana",
});
const nothing = { read: async () => new Uint8Array() };

function show(names: Names, page: TestPage): HTMLElement {
  page.artefacts.gateways = [SERVER];
  const { box, end } = draw(() => (
    <NamesPanel context={{ page: { ...page, names: async () => names }, view: undefined }} workspace={undefined} />
  ));
  closers.push(end);
  return box;
}

describe("one's own name", () => {
  it("is none before anything was published, and says so", async () => {
    const box = show(await namesOf(false), testPage(testNetwork()));
    await said(box, "It comes with what you publish");
    await said(box, "You follow nobody's name yet.");
    await expectAccessible(box);
  });

  it("is pointed at what was published here, and the mirror is told; a mirror that is away is named", async () => {
    const page = testPage(testNetwork());
    const { directory } = await page.artefacts.client().publish(draftOf("1.0.0", "1 + 1"), nothing);
    const names = await namesOf(true);
    const box = show(names, page);
    await said(box, "It stands for nothing yet.");
    byRole(box, "button", "Point it there").click();
    await said(box, "names.test was told.");
    await said(box, "It stands for “Rain, 1.0.0”.");
    const name = byRole<HTMLInputElement>(box, "input", "Name that others can follow").value;
    expect((await (await namesOf(false)).follow(name, [SERVER])).newest).toBe(`/ipfs/${directory}`);
    byRole(box, "button", "Make a link that leads to this tab").click();
    await said(box, "No way to this browser was found");
    page.artefacts.offered = ["/ip4/127.0.0.1/tcp/1/ws/p2p/12D3KooWL36NzkFM4DZJKXx4ygZhNP1vANUubKL4BB1vxVLH5vJR"];
    byRole(box, "button", "Make a link that leads to this tab").click();
    await said(box, "Whoever has the link can ask this tab");
    const link = byRole<HTMLInputElement>(box, "input", "Link that says whom to ask for the name").value;
    expect(readName(link)).toEqual({ name, from: [...page.artefacts.offered, SERVER] });
    isUp = false;
    byRole(box, "button", "Point it there").click();
    await said(box, "not everybody was told");
    expect(await names.own()).toMatchObject({ sequence: 1n });
    await expectAccessible(box);
  });
});

describe("a name that is followed", () => {
  const newer = async () => {
    const [theirs, page, ana, mine] = [
      testArtefacts(2, "Ana").client(),
      testPage(testNetwork()),
      await namesOf(true),
      await namesOf(false),
    ];
    const first = await theirs.publish(draftOf("1.0.0", "a = 1", "print(a)"), nothing);
    const { name } = await ana.publish(first.directory, [SERVER]);
    const box = show(mine, page);
    await said(box, "You follow nobody");
    byRole(box, "input", /A name, or a link/).focus();
    await userEvent.keyboard(`ipns://${name}{Enter}`);
    await said(box, "You have the newest version.");
    const second = await theirs.publish(draftOf("1.1.0", "a = 2", "print(a)", "a + 1"), nothing);
    await ana.publish(second.directory, [SERVER]);
    for (const { directory } of [first, second])
      await page.artefacts.client().importCar(await theirs.exportCar(directory));
    byRole(box, "button", "Ask for newer versions").click();
    await said(box, "There is a newer version. Yours stays until you take it.");
    return { box, page, mine, name, first, second };
  };

  it("shows a newer version beside one's own, what it changes, and takes it when told", async () => {
    const { box, page, mine, first, second } = await newer();
    byRole(box, "button", "Open your version").click();
    await until(() => page.artefacts.shown.length === 1, "it is opened");
    expect(page.artefacts.shown[0]?.cid).toBe(first.directory);
    byRole(box, "button", "What changed").click();
    await said(box, "Cell 1: other text");
    await said(box, "Cell 3 is new");
    byRole(box, "summary", "Cell 1: other text").click();
    expect(box.textContent).toContain("a = 1");
    expect(box.textContent).toContain("a = 2");
    await expectAccessible(box);
    byRole(box, "button", "Take it").click();
    await said(box, "You have the newest version now.");
    expect(await mine.followed()).toMatchObject([{ accepted: `/ipfs/${second.directory}`, hasNews: false }]);
    byRole(box, "button", "Stop following").click();
    await said(box, "You follow nobody's name yet.");
  });

  it("stays usable with the server away, and refuses what is no name", async () => {
    const { box, first } = await newer();
    isUp = false;
    byRole(box, "button", "Ask for newer versions").click();
    await said(box, "can't be reached");
    expect(box.textContent).toContain("There is a newer version.");
    expect(first.directory).toMatch(/^bafy/);
    const field = byRole<HTMLInputElement>(box, "input", /A name, or a link/);
    field.focus();
    await userEvent.keyboard("https://example.org/page{Enter}");
    await said(box, "is not a name of IPNS");
    expect(field.value).toBe("https://example.org/page");
    await browserPage.viewport(390, 844);
    await expectAccessible(box);
    await browserPage.viewport(1280, 800);
  });
});
