/** Notebooks of several people that go on without their long history: SPEC.md, chapter "Reseeds". */
import { afterEach, describe, expect, it } from "vitest";
import type { DocumentId } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { Link } from "#core/mesh/link.ts";
import { cellId, newCell, newRun, openWith, plain, saved, sources } from "../notebook/kit.ts";
import { letIn, link, person, until, type Person } from "./people.ts";

const people: Person[] = [];
afterEach(async () => {
  for (const someone of people.splice(0)) await someone.close();
});
const meet = async (name: string, ...rest: Parameters<typeof person> extends [string, ...infer R] ? R : never) => {
  const someone = await person(name, ...rest);
  people.push(someone);
  return someone;
};
/** Types at the beginning of a cell. */
const type = async (client: NotebookClient, cell: string, insert: string): Promise<void> => {
  for (;;) {
    const { source = "", textVersion = 0 } = client.notebook.cells.find(({ id }) => id === cell) ?? {};
    const changes = source.length > 0 ? ([[0, insert], source.length] as const) : ([[0, insert]] as const);
    if (await client.edit(cellId(cell), textVersion, [{ client: "me", changes }], () => insert + source)) return;
  }
};
const headsOf = async (someone: Person, document: DocumentId): Promise<string> =>
  [...(await someone.host.heads(document))].sort().join();
/** All have the very same document, and see the same. */
const agree = async (document: DocumentId, ...all: readonly (readonly [Person, NotebookClient])[]): Promise<void> => {
  const heads = async () => new Set(await Promise.all(all.map(([someone]) => headsOf(someone, document))));
  await until(async () => (await heads()).size === 1, "all have the same changes", 60_000);
  const [first, ...rest] = all.map(([, client]) => plain(client.notebook));
  for (const other of rest) expect(other).toEqual(first);
};
const count = (text: string, word: string): number => text.split(word).length - 1;

/** Ana's notebook with a history, which Ben has too. */
async function two(role: "editor" | "reader" = "editor") {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1"), newCell("b", "y = 2")]);
  await ana.mesh.share(mine.document, "Ana");
  for (let key = 0; key < 10; key += 1) {
    await type(mine, "a", "#");
    // Each a change of its own, as a person's are.
    await ana.host.heads(mine.document);
  }
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, mine.document, role);
  await agree(mine.document, [ana, mine], [ben, theirs]);
  return { ana, ben, mine, theirs, line, document: mine.document };
}
const changesOf = async (someone: Person, document: DocumentId): Promise<number> =>
  (await someone.host.changesSince(document, [])).length;

describe("a notebook that its owner reseeds", () => {
  it("goes on as the new document for who is linked, and both type on (E1, E3, E4)", async () => {
    const { ana, ben, mine, theirs, document } = await two();
    await mine.reseed();
    await until(async () => (await changesOf(ben, document)) === 1, "Ben has the new document");
    await agree(document, [ana, mine], [ben, theirs]);
    await type(mine, "a", "ana ");
    await type(theirs, "b", "ben ");
    await until(
      () => sources(mine)[1] === "ben y = 2" && (sources(theirs)[0] ?? "").startsWith("ana "),
      "both see both",
    );
    await agree(document, [ana, mine], [ben, theirs]);
    expect(await changesOf(ana, document)).toBe(3);
  });

  it("has in it, once, what was made elsewhere meanwhile, also after a restart (E5)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    line.cut();
    await type(theirs, "a", "[ben]");
    await theirs.change([{ type: "insert_cell", cell: newCell("c", "ben's"), after: cellId("b") }]);
    await type(mine, "a", "[ana before]");
    await mine.reseed();
    await type(mine, "a", "[ana after]");
    await mine.change([{ type: "delete_cell", cell: cellId("b") }]);
    await saved(theirs);
    await ben.close();
    people.splice(people.indexOf(ben), 1);
    const again = await meet("Ben", ben);
    const reopened = await again.library.open(document);
    link(ana, again);
    await until(() => sources(mine).join().includes("ben's"), "Ana has what Ben made");
    await agree(document, [ana, mine], [again, reopened]);
    const [first = ""] = sources(mine);
    for (const word of ["[ben]", "[ana before]", "[ana after]"]) expect(count(first, word)).toBe(1);
    expect(sources(mine)).toHaveLength(2);
  });

  it("comes to a newcomer as the new document, and to who was away by somebody who has only that (E2, E6)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    line.cut();
    await type(theirs, "b", "[ben]");
    await mine.reseed();
    const cem = await meet("Cem");
    const toAna = link(ana, cem);
    const his = await letIn(ana, cem, document, "editor");
    await agree(document, [ana, mine], [cem, his]);
    expect(await changesOf(cem, document)).toBe(1);
    toAna.cut();
    link(cem, ben);
    await agree(document, [cem, his], [ben, theirs]);
    expect(count(sources(his)[1] ?? "", "[ben]")).toBe(1);
  });

  it("waits for its earlier history where that can't be made, and goes on when somebody has it (E6)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    line.cut();
    await type(theirs, "b", "[ben]");
    await type(mine, "b", "[ana]");
    await mine.reseed();
    const cem = await meet("Cem");
    const toAna = link(ana, cem);
    const his = await letIn(ana, cem, document, "editor");
    toAna.cut();
    link(cem, ben);
    await until(() => (ben.mesh.notebook(document)?.missing ?? 0) > 0, "Ben asks for the block");
    await type(theirs, "b", "[meanwhile]");
    link(ana, ben);
    await agree(document, [ana, mine], [cem, his], [ben, theirs]);
    for (const word of ["[ben]", "[ana]", "[meanwhile]"]) expect(count(sources(mine)[1] ?? "", word)).toBe(1);
  });

  it("is followed over several reseeds by who was away for all of them (E5)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    line.cut();
    await type(theirs, "a", "[ben]");
    for (const word of ["[one]", "[two]", "[three]"]) {
      await type(mine, "a", word);
      await mine.reseed();
    }
    link(ana, ben);
    await agree(document, [ana, mine], [ben, theirs]);
    for (const word of ["[ben]", "[one]", "[two]", "[three]"]) expect(count(sources(mine)[0] ?? "", word)).toBe(1);
  });

  it("comes to one that two made apart, with what was written in both (E7)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    line.cut();
    await type(mine, "a", "[ana before]");
    await type(theirs, "a", "[ben before]");
    await mine.reseed();
    await theirs.reseed();
    await type(mine, "a", "[ana after]");
    await type(theirs, "a", "[ben after]");
    link(ana, ben);
    await agree(document, [ana, mine], [ben, theirs]);
    for (const word of ["[ana before]", "[ben before]", "[ana after]", "[ben after]"])
      expect(count(sources(mine)[0] ?? "", word)).toBe(1);
    await type(mine, "b", "on ");
    await agree(document, [ana, mine], [ben, theirs]);
  });

  it("is put away by an owner who wants it, and by itself by whoever made it when all have all (E1)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    const [hers, his] = [ana.mesh.notebook(document), ben.mesh.notebook(document)];
    await expect(his?.mayReseed(true)).rejects.toMatchObject({ code: "denied" });
    await ana.mesh.setRole(document, ben.mesh.me, "owner");
    await until(() => his?.membership?.may(ben.mesh.me, "manage") ?? false, "Ben is an owner", 60_000);
    await his?.mayReseed(true);
    await expect(his?.mayReseed(false)).rejects.toMatchObject({ code: "denied" });
    await until(
      () =>
        hers?.mayReseed(false).then(
          () => true,
          () => false,
        ) ?? false,
      "it is the time for it",
      60_000,
    );
    ben.mesh.setRun(document, cellId("a"), newRun("r1", "", { status: "running" }));
    await until(() => (hers?.runs.others.length ?? 0) > 0, "Ben runs a cell", 60_000);
    await expect(hers?.mayReseed(false)).rejects.toMatchObject({ code: "unavailable" });
    await hers?.mayReseed(true);
    line.cut();
    await type(theirs, "a", "more ");
    expect(sources(mine)[0]).not.toContain("more");
  });

  it("is not mixed with the former document by an older program, which is told (E8)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    line.cut();
    await mine.reseed();
    await type(theirs, "a", "[old]");
    const old = (end: Link): Link => ({
      ...end,
      channel: {
        receive: (listener) => end.channel.receive(listener),
        close: (reason) => end.channel.close(reason),
        onClose: (listener) => end.channel.onClose(listener),
        send(message, transfer) {
          const text = new TextDecoder().decode(message);
          const isShare = message[0] === 0 && text.includes('"share"');
          end.channel.send(isShare ? new TextEncoder().encode(text.replace(/,?"seeds"/, "")) : message, transfer);
        },
      },
    });
    link(ana, ben, old);
    await until(() => ben.mesh.notebook(document)?.trouble?.includes("too old") ?? false, "Ben is told", 60_000);
    await type(mine, "a", "[new]");
    expect(await changesOf(ana, document)).toBe(2);
    expect(sources(mine)[0]).not.toContain("[old]");
  });

  it("goes on for a reader, whose own reseed nobody follows (E4)", async () => {
    const { ana, ben, mine, theirs, document } = await two("reader");
    await mine.reseed();
    await type(mine, "a", "ana ");
    await agree(document, [ana, mine], [ben, theirs]);
    const before = await headsOf(ana, document);
    await theirs.reseed();
    await type(mine, "b", "more ");
    await ana.host.heads(document);
    expect(await headsOf(ana, document)).not.toBe(before);
    expect(await changesOf(ana, document)).toBe(3);
  });
});
