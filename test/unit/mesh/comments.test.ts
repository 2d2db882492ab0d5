/** Comments between people, over links in one process, with real keys: SPEC.md, chapter "Comments". */
import { afterEach, describe, expect, it } from "vitest";
import type { NotebookClient } from "#core/notebook/client.ts";
import { newCommentId } from "#core/notebook/comments.ts";
import type { LinkRole } from "#core/mesh/roles.ts";
import { cellId, newCell, openWith, sources } from "../notebook/kit.ts";
import { letIn, link, person, until, type Person } from "./people.ts";

const people: Person[] = [];
afterEach(async () => {
  for (const someone of people.splice(0)) await someone.close();
});
const meet = async (name: string) => {
  const someone = await person(name);
  people.push(someone);
  return someone;
};
const A = cellId("a");

const say = (client: NotebookClient, by: Person, text: string): Promise<void> =>
  client.comments.perform({ type: "add_thread", thread: newCommentId(), cell: A, text, author: by.mesh.me });
const texts = (client: NotebookClient): readonly string[] =>
  client.comments.threads.map(({ comment }) => comment.text).sort();
const write = (client: NotebookClient, insert: string) =>
  client.change([{ type: "splice_text", cell: A, at: 0, remove: 0, insert }]);

async function two(role: LinkRole) {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await mine.comments.load();
  await ana.mesh.share(mine.document, "Ana");
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, mine.document, role);
  await theirs.comments.load();
  return { ana, ben, mine, theirs, line, document: mine.document };
}

describe("comments", () => {
  it("go both ways, with what was there before one was let in", async () => {
    const [ana, ben] = [await meet("Ana"), await meet("Ben")];
    const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
    await mine.comments.load();
    await say(mine, ana, "before");
    await ana.mesh.share(mine.document, "Ana");
    link(ana, ben);
    const theirs = await letIn(ana, ben, mine.document, "editor");
    await theirs.comments.load();
    await until(() => texts(theirs).join() === "before", "Ben has the comment");
    expect(theirs.comments.threads[0]?.comment.author).toBe(ana.mesh.me);
    await say(theirs, ben, "after");
    await until(() => texts(mine).join() === "after,before", "Ana has Ben's");
  });

  it("that were begun apart are all there when the two meet", async () => {
    const { ana, ben, mine, theirs, line } = await two("editor");
    line.cut();
    await until(() => ben.mesh.peers.length === 0 && ana.mesh.peers.length === 0, "they are apart");
    await say(mine, ana, "Ana, alone");
    await say(theirs, ben, "Ben, alone");
    link(ana, ben);
    const both = "Ana, alone,Ben, alone";
    await until(() => texts(mine).join() === both && texts(theirs).join() === both, "both have both");
    expect(theirs.comments.threads).toHaveLength(2);
  });

  it("of a commenter arrive, while what they write in the notebook does not", async () => {
    const { ana, ben, mine, theirs } = await two("commenter");
    await write(theirs, "# a commenter was here\n");
    await say(theirs, ben, "a remark");
    await until(() => texts(mine).join() === "a remark", "Ana has the remark");
    await write(mine, "# Ana\n");
    await until(() => (sources(theirs)[0] ?? "").includes("# Ana"), "Ben still gets what Ana does");
    expect(sources(mine)[0]).toBe("# Ana\nx = 1");
    expect(ana.mesh.peers.length).toBe(1);
  });

  it("of a reader are taken by nobody, until they may comment", async () => {
    const { ana, ben, mine, theirs, document } = await two("reader");
    await say(theirs, ben, "from a reader");
    await say(mine, ana, "for a reader");
    await until(() => texts(theirs).includes("for a reader"), "Ben gets Ana's");
    await ana.host.flush();
    expect(texts(mine)).toEqual(["for a reader"]);
    await ana.mesh.setRole(document, ben.mesh.me, "commenter");
    await until(() => texts(mine).length === 2, "Ben may comment now, and what he wrote comes");
  });

  it("of someone who was removed stay, and no more come", async () => {
    const { ana, ben, mine, theirs, document } = await two("commenter");
    await say(theirs, ben, "while I may");
    await until(() => texts(mine).length === 1, "Ana has it");
    await ana.mesh.remove(document, ben.mesh.me);
    await until(() => ben.mesh.notebook(document)?.trouble !== undefined, "Ben is told");
    await say(theirs, ben, "too late");
    await say(mine, ana, "without Ben");
    link(ana, ben);
    await until(() => ana.mesh.peers.length === 2, "they are linked again");
    await ana.host.flush();
    expect(texts(mine)).toEqual(["while I may", "without Ben"]);
    expect(texts(theirs)).toEqual(["too late", "while I may"]);
  });

  it("are handed on by a mirror between two who never meet", async () => {
    const [ana, mirror, cleo] = [await meet("Ana"), await meet("Mirror"), await meet("Cleo")];
    const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
    await mine.comments.load();
    await ana.mesh.share(mine.document, "Ana");
    const first = link(ana, mirror);
    await letIn(ana, mirror, mine.document, "mirror");
    await say(mine, ana, "kept");
    const expires = Date.now() + 60_000;
    const invitation = await ana.mesh.invite(mine.document, { role: "commenter", uses: "one", expires });
    const kept = ana.mesh.notebook(mine.document);
    await until(async () => (await kept?.isWith(mirror.mesh.me)) ?? false, "the mirror has all");
    first.cut();
    link(mirror, cleo);
    await cleo.mesh.join(invitation, "Cleo");
    await until(() => cleo.mesh.notebook(mine.document)?.isHere ?? false, "Cleo is let in by the mirror");
    const hers = await cleo.library.open(mine.document);
    await hers.comments.load();
    await until(() => texts(hers).join() === "kept", "Cleo has Ana's comment");
    await say(hers, cleo, "answer");
    link(ana, mirror);
    await until(() => texts(mine).join() === "answer,kept", "Ana has Cleo's");
  });

  it("cost little while nobody comments", async () => {
    const { ana, ben, mine, theirs, line, document } = await two("editor");
    await say(mine, ana, "one");
    await until(() => texts(theirs).length === 1, "it is there");
    const isQuiet = async () =>
      sources(mine).join() === sources(theirs).join() &&
      ((await ana.mesh.notebook(document)?.isWith(ben.mesh.me)) ?? false) &&
      ((await ben.mesh.notebook(document)?.isWith(ana.mesh.me)) ?? false);
    await write(mine, "1");
    await until(isQuiet, "all is there");
    const before = line.bytes();
    await write(mine, "2");
    await until(isQuiet, "the key is there");
    expect(line.bytes() - before).toBeLessThanOrEqual(400);
  });
});
