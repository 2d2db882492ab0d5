/** A machine that keeps notebooks: between people who are never there at the same time, and over its own restart. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { realClock } from "#core/mesh/clock.ts";
import type { DocumentId } from "#core/base/ids.ts";
import { linkPair } from "#core/mesh/link-pair.ts";
import { makeInvitationFragment } from "#core/mesh/invitation.ts";
import { type Keeper, openKeeper } from "../../../app/node/mirror/keeper.ts";
import { defaultMirrorLimits, type MirrorLimits } from "../../../app/node/mirror/member-quotas.ts";
import { cellId, newCell, newRun, openWith, sources } from "../notebook/kit.ts";
import { person, until, type Person } from "./people.ts";

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

const linkTo = (keeper: Keeper, someone: Person): (() => void) => {
  const [left, right] = linkPair(["keeper", someone.name]);
  keeper.onLink(left.link);
  void someone.mesh.addLink(right.link);
  return () => left.link.channel.close("cut");
};

async function linkForMirror(owner: Person, document: DocumentId): Promise<string> {
  const expires = Date.now() + 3_600_000;
  const made = await owner.mesh.invite(document, { role: "mirror", uses: "one", expires });
  const { genesis, invitation, secret } = made;
  const addresses = ["/ip4/127.0.0.1/tcp/1/ws"];
  return makeInvitationFragment({
    notebook: document,
    genesis,
    invitation,
    secret,
    role: "mirror",
    expires,
    addresses,
  });
}

/** For a machine that is busy. */
const PATIENCE = 60_000;

it("has a notebook and its outputs for whoever comes, after its restart as before", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kroma-keeper-"));
  closers.push(() => rmSync(folder, { recursive: true }));
  let keeper = await openKeeper(folder, "Mirror");
  const ana = await person("Ana");
  closers.push(() => ana.close());
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  const { document } = mine;
  const run = newRun("r", "a long line\n".repeat(20_000));
  await mine.change([{ type: "set_run", cell: cellId("a"), run }]);
  await ana.mesh.share(document, "Ana");
  const expires = Date.now() + 3_600_000;
  const link = await linkForMirror(ana, document);
  expect(await keeper.join(link)).toEqual(["/ip4/127.0.0.1/tcp/1/ws"]);
  const cut = linkTo(keeper, ana);
  await until(() => keeper.counts().here === 1, "the mirror has it");
  const forBen = await ana.mesh.invite(document, { role: "editor", uses: "one", expires });
  await mine.change([{ type: "set_title", title: "Kept" }]);
  const shown = () => ana.mesh.notebook(document)?.membership?.members.map(({ name, role }) => [name, role]);
  await until(() => shown()?.length === 2, "the mirror is a member");
  expect(shown()).toEqual([
    ["Ana", "owner"],
    ["Mirror", "mirror"],
  ]);
  const mirror = ana.mesh.notebook(document)?.membership?.members[1]?.id ?? ana.mesh.me;
  await until(async () => (await ana.mesh.notebook(document)?.isWith(mirror)) ?? false, "the mirror has all of it");
  await until(() => keeper.counts().missing === 0, "the mirror has the outputs");
  cut();
  await keeper.close();

  keeper = await openKeeper(folder, "Mirror");
  closers.push(() => keeper.close());
  const ben = await person("Ben");
  closers.push(() => ben.close());
  await ben.mesh.join(forBen, "Ben");
  linkTo(keeper, ben);
  await until(() => ben.mesh.notebook(document)?.isHere ?? false, "Ben has it from the mirror");
  const theirs = await ben.library.open(document);
  await until(() => (theirs.notebook.cells[0]?.run?.outputs.length ?? 0) > 0, "Ben has the outputs");
  expect([theirs.notebook.title, ...sources(theirs)]).toEqual(["Kept", "x = 1"]);
  expect(theirs.notebook.cells[0]?.run?.outputs).toEqual(run.outputs);
});

it("takes nothing more of who is over the quota, says so, loses nothing and goes on with the others (S21)", async () => {
  const folder = mkdtempSync(join(tmpdir(), "kroma-keeper-"));
  closers.push(() => rmSync(folder, { recursive: true }));
  let later = 0;
  const lines: string[] = [];
  const open = (member: Partial<MirrorLimits["member"]>): Promise<Keeper> =>
    openKeeper(folder, "Mirror", {
      limits: { ...defaultMirrorLimits, member: { ...defaultMirrorLimits.member, ...member } },
      log: (line) => lines.push(line),
      clock: { ...realClock, now: () => realClock.now() + later },
    });
  let keeper = await open({ stored: 20_000 });
  const [ana, ben] = [await person("Ana"), await person("Ben")];
  closers.push(
    () => ana.close(),
    () => ben.close(),
  );
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  const { document } = mine;
  await ana.mesh.share(document, "Ana");
  await keeper.join(await linkForMirror(ana, document));
  const forBen = await ana.mesh.invite(document, { role: "editor", uses: "one", expires: Date.now() + 3_600_000 });
  let cuts = [linkTo(keeper, ana)];
  await until(() => keeper.counts().here === 1, "the mirror has it", PATIENCE);
  await ben.mesh.join(forBen, "Ben");
  cuts.push(linkTo(keeper, ben));
  await until(() => ben.mesh.notebook(document)?.isHere ?? false, "Ben has it from the mirror", PATIENCE);
  const theirs = await ben.library.open(document);
  const troubleOf = ({ mesh }: Person) => mesh.notebook(document)?.trouble;
  const insert = (id: string, source: string) =>
    ({ type: "insert_cell", cell: newCell(id, source), after: undefined }) as const;
  const incompressible = Buffer.from(crypto.getRandomValues(new Uint8Array(30_000))).toString("base64");
  await mine.change([insert("big", incompressible)]);
  await until(() => troubleOf(ana)?.includes("20 kB of what you bring") ?? false, "Ana is told", PATIENCE);
  expect(lines).toEqual([`${ana.mesh.me.slice(0, 16)} is over its quota`]);
  await mine.change([insert("late", "not kept there")]);
  // What Ben writes is kept, and comes to Ana.
  await theirs.change([insert("bens", "y = 2")]);
  await until(() => sources(mine).includes("y = 2"), "Ana has what Ben wrote", PATIENCE);
  expect([troubleOf(ben), sources(theirs).includes("not kept there")]).toEqual([undefined, false]);
  expect(keeper.counts().members[0]).toMatchObject({ member: ana.mesh.me.slice(0, 16), isOver: true });
  const stored = keeper.counts().members[0]?.stored ?? 0;
  expect(stored).toBeGreaterThan(20_000);

  // The counts outlive it, and with more room all that was passed over comes.
  for (const cut of cuts) cut();
  await keeper.close();
  keeper = await open({ stored: 20_000, received: 200_000 });
  cuts = [linkTo(keeper, ana), linkTo(keeper, ben)];
  expect(keeper.counts().members[0]?.stored).toBe(stored);
  await until(() => troubleOf(ana)?.includes("20 kB") ?? false, "Ana is told again", PATIENCE);
  for (const cut of cuts) cut();
  await keeper.close();
  keeper = await open({ received: 200_000 });
  closers.push(() => keeper.close());
  linkTo(keeper, ana);
  linkTo(keeper, ben);
  await until(() => sources(theirs).includes("not kept there"), "Ben has what Ana wrote meanwhile", PATIENCE);
  await until(() => troubleOf(ana) === undefined, "nothing is in Ana's way", PATIENCE);

  // Of what comes in a day there is an end, too, until the next day.
  for (let round = 0; troubleOf(ana) === undefined && round < 20; round += 1) {
    await mine.change([insert(`more${round}`, `${round}${incompressible}`)]);
    const told = (): boolean =>
      troubleOf(ana) !== undefined || sources(theirs).some((one) => one.startsWith(`${round}`));
    await until(told, "it is there, or Ana is told", PATIENCE);
  }
  expect(troubleOf(ana)).toContain("in a day");
  await mine.change([insert("tomorrow", "z = 3")]);
  later = 24 * 60 * 60 * 1000;
  await until(() => sources(theirs).includes("z = 3"), "the next day it comes", PATIENCE);
  expect(troubleOf(ana)).toBeUndefined();
}, 300_000);
