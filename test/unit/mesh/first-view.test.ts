/** Somebody who joins sees the notebook before all of it has come (SPEC.md, S18). */
import { afterEach, expect, it } from "vitest";
import * as v from "valibot";
import type { Link } from "#core/mesh/link.ts";
import type { PeerMessage } from "#core/mesh/wire.ts";
import { type FirstView, FirstViewSchema, firstViewOf } from "#core/notebook/first-view.ts";
import { cellId, newCell, openWith } from "../notebook/kit.ts";
import { letIn, link, person, type Person, until } from "./people.ts";

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});
const meet = async (name: string): Promise<Person> => {
  const someone = await person(name);
  closing.push(someone);
  return someone;
};

/** Keeps back what comes over a link from the first such message on, until it is let through. */
function held(isHeld: (message: Uint8Array) => boolean): { through(link: Link): Link; release(): void } {
  let waiting: Uint8Array[] | undefined = [];
  let pass: (message: Uint8Array) => void = () => undefined;
  return {
    through: (one) => ({
      ...one,
      channel: {
        send: (message, transfer) => one.channel.send(message, transfer),
        close: (reason) => one.channel.close(reason),
        onClose: (listener) => one.channel.onClose(listener),
        receive(listener) {
          pass = listener;
          return one.channel.receive((message) => {
            if (waiting && (waiting.length > 0 || isHeld(message))) waiting.push(message);
            else listener(message);
          });
        },
      },
    }),
    release() {
      const [all, listener] = [waiting ?? [], pass];
      waiting = undefined;
      for (const message of all) listener(message);
    },
  };
}

const isSync = (message: Uint8Array): boolean => ((message[0] ?? 0) & 0x7f) === 1;
const isView = (message: Uint8Array): boolean => new TextDecoder().decode(message.subarray(1, 15)) === '{"type":"view"';

/** Operations enough that it takes a moment to load. */
const LONG = `# ${"a".repeat(30_000)}`;

async function invited(owner: Person, guest: Person): Promise<Awaited<ReturnType<typeof openWith>>> {
  const mine = await openWith(owner.library, [newCell("a", "x = 1"), newCell("b", LONG)]);
  await owner.mesh.share(mine.document, owner.name);
  const terms = { role: "editor", uses: "one", expires: Date.now() + 3_600_000 } as const;
  await guest.mesh.join(await owner.mesh.invite(mine.document, terms), guest.name);
  return mine;
}

it("shows the text of a notebook that is still coming, and then is that notebook", async () => {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await invited(ana, ben);
  const { through, release } = held(isSync);
  link(ana, ben, through);
  await until(() => ben.mesh.notebook(mine.document)?.isComing ?? false, "Ben can read it");
  expect(ben.mesh.notebook(mine.document)?.isHere).toBe(false);
  const theirs = await ben.library.open(mine.document);
  expect(theirs.notebook.cells.map(({ source }) => source)).toEqual(["x = 1", LONG]);
  expect(theirs.entry).toMatchObject({ title: mine.notebook.title, foreign: true });
  expect(ben.library.entries).toEqual([]);
  release();
  await until(() => ben.mesh.notebook(mine.document)?.isHere ?? false, "all of it is here");
  expect(ben.mesh.notebook(mine.document)?.isComing).toBe(false);
  expect(await ben.host.heads(mine.document)).toEqual(await ana.host.heads(mine.document));
  await theirs.change([{ type: "set_title", title: "By Ben" }]);
  await until(() => mine.notebook.title === "By Ben", "Ana has what Ben did");
  await until(() => ben.library.entries.some(({ title }) => title === "By Ben"), "it is in Ben's library");
});

it("puts what the document says in the place of what was said of it", async () => {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1"), newCell("b", "y = 2")]);
  const view: FirstView = {
    title: "Another",
    language: "python",
    cells: [
      ["b", "code", "python", "something else"],
      ["zz", "markdown", "markdown", "never there"],
    ],
  };
  expect(await ben.host.expect(mine.document, view)).toBe(true);
  const theirs = await ben.library.open(mine.document);
  expect(theirs.notebook.cells.map(({ id }) => id)).toEqual(["b", "zz"]);
  const bytes = (await ana.host.changesSince(mine.document, [])).flatMap((change) => [...change]);
  (await ben.host.adopt(mine.document, Uint8Array.from(bytes)))?.release();
  await until(() => theirs.notebook.cells.length === 2 && theirs.notebook.cells[0]?.id === "a", "it is the document");
  expect(theirs.notebook.cells.map(({ source }) => source)).toEqual(["x = 1", "y = 2"]);
  expect(theirs.notebook.title).toBe(mine.notebook.title);
});

it("passes over what someone says who may not write in the notebook", async () => {
  const [ana, ben, eve] = [await meet("Ana"), await meet("Ben"), await meet("Eve")];
  const mine = await invited(ana, ben);
  link(ana, eve);
  await letIn(ana, eve, mine.document, "reader");
  const { through, release } = held((message) => isSync(message) || isView(message));
  link(ana, ben, through);
  link(eve, ben);
  const theirs = () => ben.mesh.notebook(mine.document);
  await until(() => theirs()?.membership?.roleOf(ben.mesh.me) !== undefined, "Ben is let in");
  await until(() => theirs()?.peers.some(({ id }) => id === eve.mesh.me) ?? false, "Eve is there");
  const liar = ben.mesh.peers.find(({ id }) => id === eve.mesh.me);
  if (!liar) throw new Error("Eve is linked");
  const view = { title: "A lie", language: "python", cells: [] };
  const message: PeerMessage = { type: "view", document: mine.document, view };
  await theirs()?.hear(liar, message, () => 0);
  expect(theirs()?.isComing).toBe(false);
  release();
  await until(() => theirs()?.isHere ?? false, "it came from Ana");
  expect((await ben.library.open(mine.document)).notebook.title).toBe(mine.notebook.title);
});

it("says so when the notebook is given up that was shown", async () => {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await invited(ana, ben);
  const { through } = held(isSync);
  link(ana, ben, through);
  await until(() => ben.mesh.notebook(mine.document)?.isComing ?? false, "Ben can read it");
  const theirs = await ben.library.open(mine.document);
  const changed = theirs.change([{ type: "set_title", title: "Too soon" }]);
  const refused = expect(changed).rejects.toMatchObject({ code: "missing" });
  await ben.mesh.leave(mine.document);
  await refused;
  await expect(ben.library.open(mine.document)).rejects.toMatchObject({ code: "missing" });
});

it("is not sent when it is too much, and not read when it is none", () => {
  const cell = { ...newCell("a", "x"), textVersion: 0, metadata: {}, run: undefined };
  const notebook = { title: "Big", language: "python" as const, metadata: {}, cells: [cell] };
  expect(firstViewOf(notebook)?.cells).toEqual([["a", "code", "python", "x"]]);
  expect(firstViewOf({ ...notebook, cells: [{ ...cell, source: "x".repeat(2 << 20) }] })).toBeUndefined();
  const row = [cellId("a"), "code", "python", "x"];
  const reads = (cells: unknown): boolean => v.is(FirstViewSchema, { title: "", language: "python", cells });
  expect(reads([row])).toBe(true);
  for (const cells of [[row, row], [["a b", ...row.slice(1)]], [["a", "magic", "python", "x"]], "x"])
    expect(reads(cells)).toBe(false);
});
