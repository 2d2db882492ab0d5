/** The models panel on the real engine's worker and store: a download paused and resumed, kept, pinned, deleted; by CID; refused. */
import "onnxruntime-web/wasm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { userEvent } from "vitest/browser";
import { hubTokens, setHubToken } from "#app/browser/hub-tokens.ts";
import { pageModels } from "#app/browser/page-models.ts";
import { buildFiles } from "#core/artefact/files.ts";
import type { RunningService } from "#core/kernel/services.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { Models, ModelUse } from "#kit/models.ts";
import { ModelsPanel } from "#plugins/models/panel.tsx";
import { startModels } from "#plugins/onnx/service.ts";
import { byRole, draw, expectAccessible, openNotebook, testNetwork, testPage, type TestPage } from "../people/kit.tsx";
import { workspaceOf } from "../publish/workspace.ts";

const HALTING = new URL("/halting/pp-ocr-v4-rec.onnx", location.href).href;
const PATIENCE = { timeout: 100_000 };
const closers: (() => void)[] = [];
let service: RunningService;

beforeAll(async () => {
  service = await startModels({
    spawn() {
      const worker = new Worker(new URL("../../../app/browser/models.worker.ts", import.meta.url), { type: "module" });
      return { port: worker, terminate: () => worker.terminate(), onError: () => () => undefined };
    },
    asset: (path) => new URL(path, new URL("/assets/", location.href)).href,
    workspace: undefined,
    foreign: false,
    get modelTokens() {
      return hubTokens();
    },
  });
});
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});
afterAll(() => service.close());

interface Opened {
  readonly box: HTMLElement;
  readonly page: TestPage;
  readonly models: Models;
}

/** The panel beside a notebook whose cells have loaded what `use` says. */
async function open(use?: ModelUse, width = 272, workspace?: Workspace): Promise<Opened> {
  const notebook = await openNotebook(["1"]);
  closers.push(notebook.close);
  const page = testPage(testNetwork());
  const models = pageModels(page.artefacts, service);
  Object.assign(page, { models: async () => models });
  const { box, end } = draw(() => {
    const view = { ...notebook.view(page), modelUse: async () => use };
    return <ModelsPanel context={{ page, view }} workspace={workspace} />;
  }, width);
  closers.push(end);
  await said(box, "Kept in this browser");
  return { box, page, models };
}

const said = (box: HTMLElement, text: string): Promise<void> =>
  expect.poll(() => box.textContent, PATIENCE).toContain(text);
const button = (box: HTMLElement, name: string): HTMLButtonElement | undefined =>
  [...box.querySelectorAll("button")].find(
    (one) => (one.getAttribute("aria-label") ?? one.textContent).trim() === name,
  );
const shows = (box: HTMLElement, name: string): Promise<void> =>
  expect.poll(() => button(box, name) !== undefined, PATIENCE).toBe(true);

async function get(box: HTMLElement, source: string): Promise<void> {
  const field = byRole<HTMLInputElement>(box, "input", "Get a model");
  field.focus();
  field.value = source;
  await userEvent.keyboard("{Enter}");
}

async function choose(box: HTMLElement, menu: string, item: string): Promise<void> {
  button(box, menu)?.click();
  const items = () => [...box.querySelectorAll<HTMLElement>("[role^=menuitem]")];
  await expect.poll(() => items().some(({ textContent }) => textContent.trim() === item), PATIENCE).toBe(true);
  items()
    .find(({ textContent }) => textContent.trim() === item)
    ?.click();
}

describe("the models panel", () => {
  it("fetches by the keyboard, pauses, resumes, keeps, pins, tells who uses it, and deletes after asking", async () => {
    const use: ModelUse = {
      budget: 2e9,
      used: 17e6,
      models: [{ names: ["pp-ocr-v4-rec.onnx"], addresses: [HALTING], memory: 17e6, holders: 2 }],
    };
    const { box, page, models } = await open(use);
    await models.remove(HALTING);
    await expectAccessible(box);
    await get(box, HALTING);
    await shows(box, "Pause pp-ocr-v4-rec.onnx");
    await expect.poll(() => models.downloads()[0]?.bytes ?? 0, PATIENCE).toBeGreaterThan(4e6);
    await expectAccessible(box);
    button(box, "Pause pp-ocr-v4-rec.onnx")?.click();
    await shows(box, "Resume pp-ocr-v4-rec.onnx");
    await said(box, "MB is here");
    button(box, "Resume pp-ocr-v4-rec.onnx")?.click();
    await said(box, "held 2 times by this notebook");
    await expect.poll(async () => (await models.list())[0]?.isWhole, PATIENCE).toBe(true);
    await shows(box, "Actions for pp-ocr-v4-rec.onnx");
    await said(box, "11 MB · from");
    expect(box.textContent).toContain("licence not known");
    expect(box.textContent).toContain("models take about 17 MB of the 2.0 GB that they may");
    await choose(box, "Actions for pp-ocr-v4-rec.onnx", "Pin");
    await said(box, "· pinned");
    await expectAccessible(box);
    page.agree = false;
    await choose(box, "Actions for pp-ocr-v4-rec.onnx", "Delete");
    await expect.poll(() => page.asked.length, PATIENCE).toBe(1);
    expect(await models.list()).toHaveLength(1);
    page.agree = true;
    await choose(box, "Actions for pp-ocr-v4-rec.onnx", "Delete");
    await said(box, "pp-ocr-v4-rec.onnx is deleted.");
    expect(await models.list()).toEqual([]);
    expect(document.activeElement).toBe(box.querySelector(".models"));
  });

  it("fetches by CID what blocks have, and gives their room back", async () => {
    const { box, page, models } = await open(undefined, 390);
    const { cid } = await buildFiles(
      [{ path: "m.onnx", content: new Uint8Array(3_000_000).fill(7) }],
      page.artefacts.blocks,
    );
    await get(box, `ipfs://${cid}/m.onnx`);
    await shows(box, "Actions for m.onnx");
    await said(box, "3.0 MB · by its CID");
    expect(await models.list()).toMatchObject([{ address: `ipfs://${cid}/m.onnx`, isWhole: true }]);
    await expectAccessible(box);
    expect(box.scrollWidth).toBeLessThanOrEqual(390);
    await choose(box, "Actions for m.onnx", "Delete");
    await said(box, "m.onnx is deleted.");
    expect(await page.artefacts.blocks.has(cid)).toBe(false);
  });

  it("publishes a file of the notebook, which is then loaded by its CID, and says what is missing first", async () => {
    const content = new Uint8Array(1_500_000).fill(9);
    const { box, page, models } = await open(undefined, 390, workspaceOf({ "out/digits.onnx": content, "a.txt": "a" }));
    await shows(box, "Publish out/digits.onnx");
    button(box, "Publish out/digits.onnx")?.click();
    await shows(box, "Publish");
    byRole<HTMLInputElement>(box, "input", "Licence").value = "MIT";
    byRole(box, "input", "Licence").dispatchEvent(new Event("input", { bubbles: true }));
    const version = byRole<HTMLInputElement>(box, "input", "Version");
    version.value = "not a version";
    version.dispatchEvent(new Event("input", { bubbles: true }));
    button(box, "Publish")?.click();
    await said(box, "A version is something like 1.0.0");
    await expectAccessible(box);
    version.value = "1.2.0";
    version.dispatchEvent(new Event("input", { bubbles: true }));
    button(box, "Publish")?.click();
    await said(box, "Cells load it so");
    await expectAccessible(box);
    const source = byRole<HTMLInputElement>(box, "input", "Source for kroma.ml.load").value;
    expect(source).toMatch(/^ipfs:\/\/bafyrei/);
    expect(await models.list()).toMatchObject([
      { address: source, name: "digits.onnx", licence: "MIT", isWhole: true },
    ]);
    const cid = source.slice("ipfs://".length);
    const loaded = await page.artefacts.client().model({ cid, path: "" }, { from: [] }, []);
    expect(loaded.length === content.length && loaded.every((byte, at) => byte === content[at])).toBe(true);
    expect((await page.artefacts.client().kept()).artefacts).toMatchObject([{ kind: "model", version: "1.2.0" }]);
  });

  it("asks for a token where a hub wants one, sends it there and no further, and keeps it to itself", async () => {
    setHubToken(location.origin, "");
    const { box, models } = await open(undefined, 390);
    const address = new URL("/gated/model.bin", location.href).href;
    await models.remove(address);
    await get(box, address);
    const label = `Token for ${location.host}`;
    await said(box, label);
    expect(box.textContent).toContain("its server wants you to sign in (401)");
    await expectAccessible(box);
    expect(box.scrollWidth).toBeLessThanOrEqual(390);
    const field = byRole<HTMLInputElement>(box, "input", label);
    expect(field.type).toBe("password");
    const use = async (token: string): Promise<void> => {
      const now = byRole<HTMLInputElement>(box, "input", label);
      now.focus();
      now.value = token;
      await userEvent.keyboard("{Enter}");
    };
    await use("two words");
    await said(box, "This is no token: it has spaces in it.");
    await use("hf_wrong");
    await said(box, "does not give it for your token (401)");
    await use("hf_of_the_tests");
    // The other origin refuses who brings a token: that it came shows that none was.
    await expect.poll(async () => (await models.list())[0]?.isWhole, PATIENCE).toBe(true);
    await shows(box, "Actions for model.bin");
    expect(box.textContent).not.toContain("hf_of");
    expect(hubTokens()).toEqual([{ origin: location.origin, token: "hf_of_the_tests" }]);
    setHubToken(location.origin, "");
    expect(localStorage.getItem("kroma-hub-tokens")).toBeFalsy();
    await models.remove(address);
  });

  it("says what is wrong with what was asked for, and why a download stopped", async () => {
    const { box } = await open();
    await get(box, "a name");
    await said(box, '"a name" names no model: give an address, hub:owner/name/file, or a CID.');
    await get(box, "hub:owner/name");
    await said(box, "say which file of it, as hub:owner/name/model.onnx.");
    const nowhere = new URL("/assets/models/none.onnx", location.href).href;
    await get(box, nowhere);
    await shows(box, "Resume none.onnx");
    await expectAccessible(box);
    button(box, "Dismiss none.onnx")?.click();
    await expect.poll(() => button(box, "Resume none.onnx"), PATIENCE).toBeUndefined();
  });
});
