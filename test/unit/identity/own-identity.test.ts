/** One's own identity in a folder and in a recovery file. */
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "#core/base/canonical-json.ts";
import { FolderIdentityStore } from "#plugins/identity/folder-store.node.ts";
import { createIdentity, loadIdentity, recoverIdentity } from "#plugins/identity/own-identity.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-identity-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bytes = Uint8Array.of(1, 2, 3);

describe("an identity in a folder", () => {
  it("is the same when it is opened again, and only its owner can read the file (I5)", async () => {
    const path = join(folder, "one");
    expect(await loadIdentity(new FolderIdentityStore(path))).toBeUndefined();
    const made = await createIdentity(new FolderIdentityStore(path), "  Ada\u202e  Lovelace ");
    expect(made.identity.name).toBe("Ada Lovelace");
    expect((await stat(join(path, "identity.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(path)).mode & 0o777).toBe(0o700);
    const again = await loadIdentity(new FolderIdentityStore(path));
    expect(again?.identity).toEqual(made.identity);
    expect(again?.id).toBe(made.id);
    const signatures = await openSignatures();
    expect(await signatures.verify(made.identity, "a", bytes, await again!.sign("a", bytes))).toBe(true);
    const renamed = await again!.rename("Ada King");
    expect(renamed.id).toBe(made.id);
    expect((await loadIdentity(new FolderIdentityStore(path)))?.identity.name).toBe("Ada King");
    expect(await readdir(path)).toEqual(["identity.json"]);
    await expect(made.rename(" \u200f ")).rejects.toMatchObject({ code: "invalid" });
  });

  it("is not read when others can, or when it is damaged (I5)", async () => {
    const path = join(folder, "two");
    const store = new FolderIdentityStore(path);
    await createIdentity(store, "Bob");
    await chmod(join(path, "identity.json"), 0o644);
    await expect(loadIdentity(store)).rejects.toMatchObject({ code: "denied" });
    await chmod(join(path, "identity.json"), 0o600);
    await writeFile(join(path, "identity.json"), "{}");
    await expect(loadIdentity(store)).rejects.toMatchObject({ code: "corrupt" });
    await store.remove();
    expect(await loadIdentity(store)).toBeUndefined();
  });
});

describe("a recovery file", () => {
  it("brings the identity back elsewhere, for who knows the passphrase (I6)", async () => {
    const made = await createIdentity(new FolderIdentityStore(join(folder, "three")), "Cem");
    const file = await made.recoveryFile("correct horse battery");
    const seed = (JSON.parse(await readFile(join(folder, "three", "identity.json"), "utf8")) as { seed: string }).seed;
    expect(new TextDecoder().decode(file)).not.toContain(seed);
    const elsewhere = new FolderIdentityStore(join(folder, "four"));
    const back = await recoverIdentity(elsewhere, file, "correct horse battery");
    expect(back.identity).toEqual(made.identity);
    expect((await loadIdentity(elsewhere))?.id).toBe(made.id);
    const signatures = await openSignatures();
    expect(await signatures.verify(made.identity, "a", bytes, await back.sign("a", bytes))).toBe(true);
    await expect(recoverIdentity(elsewhere, file, "correct horse batter")).rejects.toMatchObject({ code: "denied" });
    await expect(made.recoveryFile("short")).rejects.toMatchObject({ code: "invalid" });

    const parsed = JSON.parse(new TextDecoder().decode(file)) as { kdf: Record<string, unknown>; sealed: string };
    const changed = (value: unknown) => new TextEncoder().encode(canonicalJson(value));
    // Weakened on the way: another salt or cost is another key, and is sealed in too.
    await expect(
      recoverIdentity(elsewhere, changed({ ...parsed, kdf: { ...parsed.kdf, cost: 14 } }), "correct horse battery"),
    ).rejects.toMatchObject({ code: "denied" });
    // So much memory is not given to a file from anywhere.
    await expect(
      recoverIdentity(elsewhere, changed({ ...parsed, kdf: { ...parsed.kdf, cost: 24 } }), "x"),
    ).rejects.toMatchObject({ code: "invalid" });
    await expect(recoverIdentity(elsewhere, changed({ ...parsed, version: 2 }), "x")).rejects.toMatchObject({
      message: expect.stringMatching(/newer/) as string,
    });
    for (const other of [file.subarray(0, 200), new Uint8Array(5000), changed([])])
      await expect(recoverIdentity(elsewhere, other, "x")).rejects.toMatchObject({ code: "invalid" });
    // What failed has changed nothing.
    expect((await loadIdentity(elsewhere))?.id).toBe(made.id);
  });
});
