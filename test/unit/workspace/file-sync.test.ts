/** The workspace and the files that people share are kept the same (core/mesh/SPEC.md, F7). */
import { afterEach, describe, expect, it } from "vitest";
import type { NotebookClient } from "#core/notebook/client.ts";
import { MOST_FILE_BYTES } from "#core/notebook/files.ts";
import { decide, type FileFacts } from "#core/workspace/file-decision.ts";
import { FileSync } from "#core/workspace/file-sync.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { LinkRole } from "#core/mesh/roles.ts";
import { letIn, link, person, until, type Person } from "../mesh/people.ts";
import { newCell, openWith } from "../notebook/kit.ts";
import { startStore, type StartedStore } from "./start-store.ts";

describe("what becomes of a file", () => {
  const facts: FileFacts = { base: undefined, local: undefined, remote: undefined, isUsed: false, mayWrite: true };
  const deleted = { state: "deleted" } as const;
  it.each<[Partial<FileFacts>, ReturnType<typeof decide>]>([
    [{ local: "a", isUsed: true }, "put"],
    [{ local: "a" }, "nothing"],
    [{ local: "a", isUsed: true, mayWrite: false }, "nothing"],
    [{ remote: "a" }, "fetch"],
    [{ remote: "a", local: "a" }, "agree"],
    [{ base: "a", remote: "a", local: "a" }, "nothing"],
    [{ base: "a", remote: "b", local: "a" }, "fetch"],
    [{ base: "a", remote: "a", local: "b" }, "put"],
    [{ base: "a", remote: "a", local: "b", mayWrite: false }, "nothing"],
    [{ base: "a", remote: "b", local: "c" }, "keep both"],
    [{ remote: "b", local: "c" }, "keep both"],
    [{ base: "a", remote: "a" }, "delete"],
    [{ base: "a", remote: "a", mayWrite: false }, "nothing"],
    [{ base: "a", remote: "b" }, "fetch"],
    [{ base: "a", remote: deleted, local: "a" }, "remove"],
    [{ base: "a", remote: deleted, local: "b" }, "put"],
    [{ base: "a", remote: deleted }, "forget"],
    [{ remote: deleted, local: "b" }, "nothing"],
    [{ remote: deleted, local: "b", isUsed: true }, "put"],
    [{ base: "a", remote: { state: "withheld" }, local: "a", isUsed: true }, "forget"],
    [{ remote: { state: "withheld" }, local: "a", isUsed: true }, "nothing"],
  ])("%o: %s", (differs, decision) => expect(decide({ ...facts, ...differs })).toBe(decision));
});

interface Someone {
  readonly person: Person;
  readonly client: NotebookClient;
  readonly store: StartedStore;
  readonly workspace: Workspace;
  readonly sync: FileSync;
}

const everyone: Someone[] = [];
afterEach(async () => {
  for (const { sync, store, person: who } of everyone.splice(0)) {
    await sync.close();
    await store.open.close();
    await who.close();
  }
});

const USED = new Set(["data.csv", "tool.sh", "big.bin", "made.txt"]);

async function begin(who: Person, client: NotebookClient, mayWrite: boolean): Promise<Someone> {
  const store = await startStore({});
  const { workspace } = store.open;
  const sync = new FileSync({
    workspace,
    files: client.files,
    uses: () => (path) => USED.has(path),
    mayWrite: () => mayWrite,
    changed: () => undefined,
  });
  const someone = { person: who, client, store, workspace, sync };
  everyone.push(someone);
  return someone;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = async ({ workspace }: Someone, path: string): Promise<string | undefined> =>
  (await workspace.stat(path)) ? new TextDecoder().decode(await workspace.read(path)) : undefined;
const names = async ({ workspace }: Someone): Promise<readonly string[]> =>
  (await workspace.list("")).map(({ path }) => path);

async function two(role: LinkRole = "editor") {
  const [ana, ben] = [await person("Ana"), await person("Ben")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await ana.mesh.share(mine.document, "Ana");
  const one = await begin(ana, mine, true);
  await one.workspace.write("data.csv", bytes("1,2"));
  await one.workspace.write("private.txt", bytes("not named by a cell"));
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, mine.document, role);
  const other = await begin(ben, theirs, role === "editor");
  await one.sync.look();
  await other.sync.look();
  await until(async () => (await read(other, "data.csv")) === "1,2", "Ben has Ana's file");
  return { one, other, line };
}

describe("the workspaces of two", () => {
  it("get the files that cells name, with their times and whether they may be run, and no others", async () => {
    const { one, other } = await two();
    await one.workspace.write("tool.sh", bytes("#!/bin/sh"), { executable: true, modified: 1_700_000_000_000 });
    await until(async () => (await read(other, "tool.sh")) !== undefined, "Ben has the tool");
    expect(await other.workspace.stat("tool.sh")).toMatchObject({ executable: true, modified: 1_700_000_000_000 });
    expect(await names(other)).toEqual(["data.csv", "tool.sh"]);
    await until(() => other.sync.state.coming.length === 0, "nothing is to come");
    expect(other.sync.state.leftOut).toEqual([]);
  });

  it("get what the other changes, makes and deletes", async () => {
    const { one, other } = await two();
    await other.workspace.write("data.csv", bytes("3,4"));
    await other.workspace.write("made.txt", bytes("by Ben's cell"));
    await until(async () => (await read(one, "data.csv")) === "3,4", "Ana has Ben's change");
    await until(async () => (await read(one, "made.txt")) !== undefined, "Ana has what Ben's cell made");
    await one.workspace.remove("made.txt");
    await until(async () => (await read(other, "made.txt")) === undefined, "it is gone for Ben");
    expect((await other.workspace.list(".kroma/bin")).map(({ path }) => path.replace(/\d+/, "N"))).toEqual([
      ".kroma/bin/N-made.txt",
    ]);
    // It may be made again.
    await other.workspace.write("made.txt", bytes("again"));
    await until(async () => (await read(one, "made.txt")) === "again", "Ana has it again");
  });

  it("keep what both changed without knowing of each other", async () => {
    const { one, other, line } = await two();
    line.cut();
    await until(() => one.person.mesh.peers.length === 0 && other.person.mesh.peers.length === 0, "they are apart");
    await one.workspace.write("data.csv", bytes("Ana"));
    await other.workspace.write("data.csv", bytes("Ben"));
    const isPut = ({ client }: Someone) =>
      client.files.shared.files.find(({ path }) => path === "data.csv")?.size === 3;
    await one.sync.look();
    await other.sync.look();
    await until(() => isPut(one) && isPut(other), "both have put theirs there");
    link(one.person, other.person);
    const both = async (someone: Someone) => {
      const texts = await Promise.all((await names(someone)).map((path) => read(someone, path)));
      return texts.includes("Ana") && texts.includes("Ben");
    };
    await until(async () => (await both(one)) && (await both(other)), "both have both");
    expect(one.client.files.shared).toEqual(other.client.files.shared);
  });

  it("of a reader get everything and give nothing, and keep what the reader made of it", async () => {
    const { one, other } = await two("reader");
    await other.workspace.write("data.csv", bytes("the reader's own"));
    await other.sync.look();
    await one.workspace.write("data.csv", bytes("Ana's next"));
    await until(async () => (await read(other, "data.csv")) === "Ana's next", "Ben has Ana's next");
    expect(await read(other, "data (mine).csv")).toBe("the reader's own");
    expect(await read(one, "data.csv")).toBe("Ana's next");
    expect(await names(one)).toEqual(["data.csv", "private.txt"]);
  });

  it("go on with what is theirs when somebody takes a file out", async () => {
    const { one, other } = await two();
    await one.client.files.perform({ type: "withhold_file", path: "data.csv" });
    await until(() => other.client.files.shared.withheld.length === 1, "Ben hears of it");
    await other.workspace.write("data.csv", bytes("Ben's own"));
    await other.sync.look();
    await one.sync.look();
    expect(other.client.files.shared.files).toEqual([]);
    expect([await read(one, "data.csv"), await read(other, "data.csv")]).toEqual(["1,2", "Ben's own"]);
  });

  it("say what is too big, and what can't stand where it should", async () => {
    const { one, other } = await two();
    await one.workspace.write("big.bin", new Uint8Array(MOST_FILE_BYTES + 1));
    await until(() => one.sync.state.leftOut.length === 1, "it is said");
    expect(one.sync.state.leftOut[0]).toContain("“big.bin” is not shared: it has 65 MiB");
    await other.workspace.makeDirectory("made.txt");
    await one.workspace.write("made.txt", bytes("x"));
    await until(() => other.sync.state.leftOut.length === 1, "Ben is told");
    expect(other.sync.state.leftOut[0]).toContain("there is a folder of that name");
  });

  it("say what is still to come while nobody who has it is there", async () => {
    const { one, other, line } = await two();
    line.cut();
    await until(() => one.person.mesh.peers.length === 0, "they are apart");
    await one.workspace.write("made.txt", bytes("elsewhere"));
    await one.sync.look();
    const { cid } = one.client.files.shared.files.find(({ path }) => path === "made.txt") ?? { cid: "" };
    await one.person.fileBlocks.remove(cid);
    link(one.person, other.person);
    await until(() => other.sync.state.coming.length === 1, "Ben knows that it is to come");
    expect(other.sync.state.coming).toEqual([{ path: "made.txt", size: 9, here: 0 }]);
    // Somebody who has it comes.
    await one.person.fileBlocks.put(bytes("elsewhere"));
    link(one.person, other.person);
    await until(async () => (await read(other, "made.txt")) === "elsewhere", "it has come");
    await until(() => other.sync.state.coming.length === 0, "nothing is to come");
  });
});
