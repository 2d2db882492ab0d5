/** A machine that keeps notebooks: between people who are never there at the same time, and over its own restart. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { linkPair } from "#core/mesh/link-pair.ts";
import { makeInvitationFragment } from "#core/mesh/invitation.ts";
import { type Keeper, openKeeper } from "../../../app/node/mirror/keeper.ts";
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
  const { genesis } = await ana.mesh.share(document, "Ana");
  const expires = Date.now() + 3_600_000;
  const { invitation, secret } = await ana.mesh.invite(document, { role: "mirror", uses: "one", expires });
  const link = makeInvitationFragment({
    notebook: document,
    genesis,
    invitation,
    secret,
    role: "mirror",
    expires,
    addresses: ["/ip4/127.0.0.1/tcp/1/ws"],
  });
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
