/**
 * What writing together costs: a key press to the other browser's screen through a mirror's introduction, its bytes on
 * the wire, what it costs its author with twenty others beside one other, and how long a big notebook takes to come.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import type { Link } from "#core/mesh/link.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { startMirrorProcess } from "../e2e/mirror-process.ts";
import { newCell, openWith } from "../unit/notebook/kit.ts";
import { letIn, link, person, type Person, until } from "../unit/mesh/people.ts";
import { median, newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";

const KEYS = 60;
/** A key that has not come after so long does not come; milliseconds. */
const LOST = 60_000;

/** The value below which so much of them lies. */
function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Each key in one page, and how long until the text of the first cell in the other has changed. */
async function keysBetween(from: Page, to: Page): Promise<readonly number[]> {
  const times: number[] = [];
  await from.locator("[data-cell] .cm-content").first().click();
  await from.keyboard.press("Control+End");
  for (let key = 0; key < KEYS; key += 1) {
    const before = await to.locator("[data-cell] .cm-content").first().textContent();
    const seen = to.evaluate(
      (text) =>
        new Promise<number>((resolve) => {
          const cell = document.querySelector("[data-cell]");
          const look = (): void => {
            if (cell?.querySelector(".cm-content")?.textContent === text) return;
            observer.disconnect();
            requestAnimationFrame(() => resolve(Date.now()));
          };
          const observer = new MutationObserver(look);
          if (cell) observer.observe(cell, { subtree: true, childList: true, characterData: true });
        }),
      before,
    );
    // The clock of the page in which it is pressed is the machine's, as is that of the other.
    const pressed = from.evaluate(
      () =>
        new Promise<number>((resolve) =>
          addEventListener("keydown", () => resolve(Date.now()), { once: true, capture: true }),
        ),
    );
    await to.evaluate(() => undefined);
    await from.keyboard.press(String.fromCharCode(97 + (key % 26)));
    // Both end with their pages when a key is lost, and then nobody waits for them any more.
    for (const waiting of [seen, pressed]) waiting.catch(() => undefined);
    const late = Promise.withResolvers<never>();
    const limit = setTimeout(() => late.reject(new Error(`Key ${key + 1} of ${KEYS} did not come.`)), LOST);
    try {
      times.push((await Promise.race([seen, late.promise])) - (await pressed));
    } finally {
      clearTimeout(limit);
    }
  }
  return times;
}

/** How long a key takes to the other's screen; beside the others, so that they are told where browsers are too slow. */
export async function benchKeys(): Promise<readonly Figure[]> {
  const data = mkdtempSync(join(tmpdir(), "kroma-bench-mirror-"));
  const profiles = [newProfile(), newProfile()] as const;
  const mirror = await startMirrorProcess(data);
  const [anas, bens] = [await openBrowser(profiles[0]), await openBrowser(profiles[1])];
  try {
    const ana = await anas.context.newPage();
    await ana.goto(mirror.url);
    await ana.getByRole("button", { name: "New notebook" }).click();
    await ana.locator("[data-cell] [role=textbox]").click();
    await ana.keyboard.type("a = 1");
    await ana.getByRole("button", { name: "Share", exact: true }).click();
    const panel = ana.getByRole("complementary", { name: "People" });
    await panel.getByRole("textbox", { name: "Your name" }).fill("Ana");
    await panel.getByRole("button", { name: "Make a link" }).click();
    const url = await panel.getByRole("textbox", { name: "Link", exact: true }).inputValue();
    const ben = await bens.context.newPage();
    await ben.goto(url);
    await ben.getByRole("textbox", { name: "Your name" }).fill("Ben");
    await ben.getByRole("button", { name: "Join", exact: true }).click();
    await ben.locator("[data-cell]").first().waitFor();
    // A first round, until both have loaded what typing needs.
    await keysBetween(ana, ben);
    const times = await keysBetween(ana, ben);
    const detail = `${KEYS} keys, two browsers on this machine, WebRTC`;
    return [
      { name: "key to the other's screen, p50", value: median(times), unit: "ms", goal: 30, detail },
      { name: "key to the other's screen, p95", value: percentile(times, 0.95), unit: "ms", goal: 80, detail },
    ];
  } finally {
    await anas.close();
    await bens.close();
    await mirror.end("SIGKILL");
    for (const profile of profiles) removeProfile(profile);
    rmSync(data, { recursive: true, force: true });
  }
}

const type = async (client: NotebookClient, insert: string): Promise<void> => {
  const [cell] = client.notebook.cells;
  if (!cell) throw new Error("the notebook has a cell");
  const { id, source, textVersion } = cell;
  const changes = source.length > 0 ? ([[0, insert], source.length] as const) : ([[0, insert]] as const);
  await client.edit(id, textVersion, [{ client: "me", changes }], () => insert + source);
};

/** What comes over links waits while the gate is shut: all are in one process, and what the others do is not the author's work. */
function gate(): { readonly through: (link: Link) => Link; shut(): void; open(): void } {
  let waiting: (() => void)[] | undefined;
  return {
    through: (one) => ({
      ...one,
      channel: {
        send: (message, transfer) => one.channel.send(message, transfer),
        close: (reason) => one.channel.close(reason),
        onClose: (listener) => one.channel.onClose(listener),
        receive: (listener) =>
          one.channel.receive((message) => {
            if (waiting) waiting.push(() => listener(message));
            else listener(message);
          }),
      },
    }),
    shut: () => void (waiting ??= []),
    open() {
      const all = waiting ?? [];
      waiting = undefined;
      for (const hear of all) hear();
    },
  };
}

/** CPU milliseconds and bytes of the author for a key, with so many others. */
async function costOfKey(others: number): Promise<{ readonly cpu: number; readonly bytes: number }> {
  const author = await person("Author");
  const mine = await openWith(author.library, [newCell("a", "x = 1")]);
  await author.mesh.share(mine.document, "Author");
  const guests: Person[] = [];
  const lines: ReturnType<typeof link>[] = [];
  const { through, shut, open } = gate();
  for (let index = 0; index < others; index += 1) {
    const guest = await person(`Guest ${index}`);
    guests.push(guest);
    lines.push(link(author, guest, through));
    await letIn(author, guest, mine.document);
  }
  const isEven = async (): Promise<boolean> => {
    for (const guest of guests) if (!(await author.mesh.notebook(mine.document)?.isWith(guest.mesh.me))) return false;
    return true;
  };
  await type(mine, "#");
  await until(isEven, "all have the first key");
  const bytes = () => lines.reduce((sum, one) => sum + one.bytes(), 0);
  const before = bytes();
  let cpu = 0;
  for (let key = 0; key < KEYS; key += 1) {
    shut();
    const start = process.cpuUsage();
    await type(mine, "y");
    await author.host.heads(mine.document);
    const { user, system } = process.cpuUsage(start);
    cpu += (user + system) / 1000;
    open();
    await until(isEven, "all have the key");
  }
  const spent = bytes() - before;
  for (const one of [author, ...guests]) await one.close();
  return { cpu: cpu / KEYS, bytes: spent / KEYS };
}

/** Milliseconds until a notebook of a thousand cells and many edits is there, whole. */
async function comingOfBigNotebook(): Promise<number> {
  const owner = await person("Owner");
  const cells = Array.from({ length: 1000 }, (_, index) => newCell(`c${index}`, `x${index} = ${index}`));
  const mine = await openWith(owner.library, cells);
  for (let edit = 0; edit < 5000; edit += 1) await type(mine, "#");
  await owner.mesh.share(mine.document, "Owner");
  const guest = await person("Guest");
  link(owner, guest);
  await until(() => guest.mesh.peers.length > 0, "they are linked");
  const start = performance.now();
  await letIn(owner, guest, mine.document, "reader");
  const taken = performance.now() - start;
  for (const one of [owner, guest]) await one.close();
  return taken;
}

export async function benchTogether(): Promise<readonly Figure[]> {
  const [two, twenty] = [await costOfKey(1), await costOfKey(20)];
  const big = await comingOfBigNotebook();
  return [
    {
      name: "bytes for a key, two people",
      value: two.bytes,
      unit: "bytes",
      goal: 400,
      detail: `both ways, mean of ${KEYS}; with twenty others ${twenty.bytes.toFixed(0)}`,
    },
    {
      name: "a key's author, 20 others",
      value: twenty.cpu / two.cpu,
      unit: "×",
      goal: 3,
      detail: `${twenty.cpu.toFixed(2)} ms of CPU beside ${two.cpu.toFixed(2)} ms with one other`,
    },
    {
      name: "1,000 cells come",
      value: big,
      unit: "ms",
      goal: 3000,
      detail: "5,000 edits, from the invitation to the open notebook, in one process",
    },
  ];
}
