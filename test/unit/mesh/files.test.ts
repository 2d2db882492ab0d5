/** Files of a notebook between people, over links in one process, with real keys: SPEC.md, chapter "Files". */
import { afterEach, describe, expect, it } from "vitest";
import type { LinkRole } from "#core/mesh/roles.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { FILE_BLOCK_BYTES } from "#core/notebook/files.ts";
import { newCell, openWith } from "../notebook/kit.ts";
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

const put = (client: NotebookClient, path: string, text: string | Uint8Array): Promise<void> => {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text.slice();
  return client.files.perform({ type: "put_file", path, bytes, modified: 1000, executable: false });
};
/** Files that are here, whole. */
const here = (client: NotebookClient): readonly string[] =>
  client.files.shared.files.filter((file) => file.here === file.size).map(({ path }) => path);
const text = async (client: NotebookClient, path: string): Promise<string> =>
  new TextDecoder().decode(await client.files.read(path));

async function two(role: LinkRole) {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await mine.files.load();
  await ana.mesh.share(mine.document, "Ana");
  await put(mine, "data/a.csv", "a,b\n1,2\n");
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, mine.document, role);
  return { ana, ben, mine, theirs, line, document: mine.document };
}

describe("files", () => {
  it("come when somebody wants them, with all their bytes, and are told to have come (F1, F6)", async () => {
    const { ben, mine, theirs, document } = await two("editor");
    const big = new Uint8Array(FILE_BLOCK_BYTES * 5 + 10);
    for (let at = 0; at < big.length; at += 65_536) crypto.getRandomValues(big.subarray(at, at + 65_536));
    await put(mine, "big.bin", big);
    await until(() => ben.mesh.notebook(document)?.filesCame ?? false, "Ben knows what files there are");
    expect(ben.mesh.notebook(document)?.missing).toBe(0);
    const seen = new Set<number>();
    theirs.files.onChange(() => {
      for (const file of theirs.files.shared.files) if (file.path === "big.bin") seen.add(file.here);
    });
    await theirs.files.load();
    await until(() => here(theirs).length === 2, "Ben has both");
    expect(await text(theirs, "data/a.csv")).toBe("a,b\n1,2\n");
    expect(Buffer.compare(await theirs.files.read("big.bin"), big)).toBe(0);
    expect(seen.has(big.length)).toBe(true);
  });

  it("that an editor changes come back, and what both did alone is kept (F5)", async () => {
    const { ana, ben, mine, theirs, line } = await two("editor");
    await theirs.files.load();
    await until(() => here(theirs).length === 1, "Ben has it");
    await put(theirs, "data/b.csv", "from Ben");
    await until(() => here(mine).includes("data/b.csv"), "Ana has Ben's");
    line.cut();
    await until(() => ben.mesh.peers.length === 0 && ana.mesh.peers.length === 0, "they are apart");
    await put(mine, "data/a.csv", "Ana, alone");
    await put(theirs, "data/a.csv", "Ben, alone");
    link(ana, ben);
    await until(() => here(mine).length === 3 && here(theirs).length === 3, "both have both");
    expect(mine.files.shared).toEqual(theirs.files.shared);
    const all = await Promise.all(here(mine).map((path) => text(mine, path)));
    expect(all.sort()).toEqual(["Ana, alone", "Ben, alone", "from Ben"]);
  });

  it.each(["reader", "commenter"] as const)("of a %s are taken by nobody (F1)", async (role) => {
    const { ana, mine, theirs } = await two(role);
    await theirs.files.load();
    await put(theirs, "evil.sh", "from a reader");
    await put(mine, "after.txt", "x");
    await until(() => here(theirs).includes("after.txt"), "Ben still gets what Ana shares");
    expect(here(mine)).toEqual(["after.txt", "data/a.csv"]);
    expect(ana.mesh.peers.length).toBe(1);
  });

  it("are kept by a mirror, and had from it when their owner is gone (F6)", async () => {
    const [ana, mirror, cleo] = [await meet("Ana"), await person("Mirror", undefined, 0, true), await meet("Cleo")];
    people.push(mirror);
    const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
    await ana.mesh.share(mine.document, "Ana");
    const first = link(ana, mirror);
    const kept = await letIn(ana, mirror, mine.document, "mirror");
    kept.close();
    await put(mine, "data/a.csv", "kept");
    const cid = mine.files.shared.files[0]?.cid ?? (await cidOfOnly(mine));
    await until(() => mirror.fileBlocks.has(cid), "the mirror has the bytes");
    const expires = Date.now() + 60_000;
    const invitation = await ana.mesh.invite(mine.document, { role: "reader", uses: "one", expires });
    await until(
      async () => (await ana.mesh.notebook(mine.document)?.isWith(mirror.mesh.me)) ?? false,
      "the mirror has the list",
    );
    first.cut();
    link(mirror, cleo);
    await cleo.mesh.join(invitation, "Cleo");
    await until(() => cleo.mesh.notebook(mine.document)?.isHere ?? false, "Cleo is let in by the mirror");
    const hers = await cleo.library.open(mine.document);
    await hers.files.load();
    await until(() => here(hers).length === 1, "Cleo has the file");
    expect(await text(hers, "data/a.csv")).toBe("kept");
  });
});

async function cidOfOnly(client: NotebookClient): Promise<string> {
  await client.files.load();
  return client.files.shared.files[0]?.cid ?? "";
}
