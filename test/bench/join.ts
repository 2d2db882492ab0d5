/**
 * How long somebody waits who joins a big notebook, in a real browser: a thousand cells into which a hundred thousand keys
 * were typed, each a change of its own, as live typing leaves them. The machine that has it is a Node peer; the page gets
 * everything over the network, checks it and keeps it.
 */
import * as Automerge from "@automerge/automerge";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newDocumentId } from "#core/base/ids.ts";
import { makeInvitationFragment } from "#core/mesh/invitation.ts";
import { documentOf, type NotebookRecord } from "#core/notebook/document.ts";
import { createCertificate } from "#plugins/libp2p/certificate.node.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import { createRelayServer, defaultLimits } from "#plugins/libp2p/server.node.ts";
import { startMirrorProcess } from "../e2e/mirror-process.ts";
import { person } from "../unit/mesh/people.ts";
import { cellId } from "../unit/notebook/kit.ts";
import { newProfile, openBrowser, removeProfile } from "./browser.ts";
import type { Figure } from "./run.ts";

const CELLS = 1000;
const KEYS = 100_000;

/** The notebook's document, with all of its history. */
async function bigDocument(): Promise<Uint8Array> {
  const cells = Array.from({ length: CELLS }, (_, index) => ({
    id: cellId(`c${index}`),
    kind: "code" as const,
    language: "python",
    source: `x${index} = ${index}\n`,
    textVersion: 0,
    metadata: {},
    run: undefined,
  }));
  const made = await documentOf({ title: "Big", language: "python", metadata: {}, cells }, new Map());
  // Loaded anew: whoever types is not the author of the first change.
  const document = Automerge.load<NotebookRecord>(Automerge.save(made));
  const backend = Automerge.getBackend(document);
  const texts = cells.map(({ id, source }) => {
    const object = backend.objInfo(`/cells/${id}/source`).id;
    return { object, length: source.length };
  });
  // The same cells each time: a linear congruential generator (Numerical Recipes).
  let state = 1;
  for (let key = 0; key < KEYS; key += 1) {
    // A person types some words before they go elsewhere.
    if (key % 20 === 0) state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const text = texts[state % CELLS];
    if (!text) throw new Error("the notebook has this cell");
    backend.splice(text.object, text.length, 0, String.fromCharCode(97 + (key % 26)));
    text.length += 1;
    backend.commit(undefined, Math.floor(key / 5));
  }
  return Automerge.save(document);
}

/** Milliseconds from the press on Join until something can be read, until a key shows, and the longest task of the page. */
export async function benchJoin(): Promise<readonly Figure[]> {
  const document = newDocumentId();
  const owner = await person("Owner");
  await owner.host.adopt(document, await bigDocument());
  await owner.mesh.share(document, "Owner");
  const network = await startLibp2p({
    // A relay, as machines that are always on are: a page asks each of them to be one.
    server: createRelayServer({ limits: defaultLimits, certificate: await createCertificate() }),
    targets: [],
    iceServers: [],
    listen: ["/ip4/127.0.0.1/tcp/0/ws"],
    onLink: (link) => void owner.mesh.addLink(link),
    onState: () => undefined,
  });
  const expires = Date.now() + 3_600_000;
  const { genesis, invitation, secret } = await owner.mesh.invite(document, { role: "editor", uses: "one", expires });
  const fragment = makeInvitationFragment({
    notebook: document,
    genesis,
    invitation,
    secret,
    role: "editor",
    expires,
    addresses: network.listening().map((address) => `${address.replace(/\/p2p\/.*$/, "")}/p2p/${network.peer}`),
  });
  const data = mkdtempSync(join(tmpdir(), "kroma-bench-join-"));
  const mirror = await startMirrorProcess(data);
  const profile = newProfile();
  const browser = await openBrowser(profile);
  try {
    const page = await browser.context.newPage();
    await page.addInitScript(() => {
      const tasks: number[] = [];
      Object.assign(globalThis, { longTasks: tasks });
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) tasks.push(duration);
      }).observe({ type: "longtask" });
    });
    await page.goto(`${mirror.url}/${fragment}`);
    await page.getByRole("textbox", { name: "Your name" }).fill("Guest");
    // What the page does before there is anything to wait for is its start, and is measured elsewhere.
    await browser.rest();
    await page.evaluate(() => {
      (globalThis as unknown as { longTasks: number[] }).longTasks.length = 0;
    });
    const start = performance.now();
    const before = browser.cpuSeconds();
    await page.getByRole("button", { name: "Join", exact: true }).click();
    const cell = page.locator("[data-cell]").first();
    await cell.waitFor({ timeout: 60_000 });
    const readable = performance.now() - start;
    // On a machine that others use as well, this tells more than the time.
    const spent = browser.cpuSeconds() - before;
    // What is shown while the notebook is still coming can't be changed.
    await cell.locator("[role=textbox]:not([aria-readonly=true])").click({ timeout: 60_000 });
    await page.keyboard.type("Q");
    await cell.locator(".cm-content", { hasText: "Q" }).waitFor();
    const typable = performance.now() - start;
    await browser.rest();
    const longest = await page.evaluate(() =>
      Math.max(0, ...(globalThis as unknown as { longTasks: number[] }).longTasks),
    );
    const detail = `1,000 cells, 100,000 keys, from a Node peer; ${spent.toFixed(1)} s of the browser's CPU until readable`;
    return [
      { name: "a big notebook is joined: readable", value: readable, unit: "ms", goal: 1500, detail },
      { name: "a big notebook is joined: typable", value: typable, unit: "ms", goal: 3000, detail },
      { name: "the page's longest task meanwhile", value: longest, unit: "ms", goal: 100, detail },
    ];
  } finally {
    await browser.close();
    await mirror.end("SIGKILL");
    await network.close();
    await owner.close();
    removeProfile(profile);
    rmSync(data, { recursive: true, force: true });
  }
}
