/** Locked package versions that Debian has dropped: the present ones take their place, with the real apt. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cacheFolder } from "#app/node/paths.ts";
import { buildImage, findImage, recipeHash } from "#vm-images/build.ts";
import { PackageSource } from "#vm-images/debian.ts";
import { kernelOf, type Lock, readLock, usableLock } from "#vm-images/lock.ts";
import { SUITE } from "#vm-images/recipe.ts";

let source: PackageSource;
let said: string[] = [];
let lock: Lock;
beforeAll(async () => {
  // The image of the present lock: its packages are here, so that the lock itself is usable whatever Debian offers.
  await buildImage({ cache: cacheFolder(), log: (line) => console.error(line) });
  source = new PackageSource(join(cacheFolder(), "apt"), SUITE, (line) => said.push(line));
  lock = await readLock(source, () => undefined);
}, 900_000);

let scratch: string | undefined;
afterAll(() => scratch && rm(scratch, { recursive: true }));

test("a lock of which all can be had is used as it is", async () => {
  const there = await usableLock(lock, source, (line) => said.push(line));
  expect(there === lock || said.some((line) => line.includes("no longer offers"))).toBe(true);
});

test("a version that does not exist is replaced by the present one, and nothing else is", async () => {
  const before = await usableLock(lock, source, () => undefined);
  const gone = {
    ...before,
    image: before.image.map((entry) =>
      entry.name === "hostname" ? { ...entry, version: "0.0-none", sha256: "0".repeat(64) } : entry,
    ),
  };
  said = [];
  const usable = await usableLock(gone, source, (line) => said.push(line));
  const hostname = usable.image.find((entry) => entry.name === "hostname");
  expect(hostname?.version).toMatch(/^[1-9]/);
  expect(said.join("\n")).toContain(`no longer offers 1 of the ${before.image.length + before.compiler.length}`);
  expect(said.join("\n")).toContain(`hostname 0.0-none → ${hostname?.version}`);
  expect(said.join("\n")).toContain("--update");
  const others = ({ image }: Lock) => image.filter((entry) => entry.name !== "hostname");
  expect(others(usable)).toEqual(others(before));
  const file = (await source.fetch(hostname ? [hostname] : [])).get("hostname") ?? "";
  expect(
    createHash("sha256")
      .update(await readFile(file))
      .digest("hex"),
  ).toBe(hostname?.sha256);
}, 300_000);

test("a kernel that is gone by name is replaced by the last one of its version", async () => {
  const before = await usableLock(lock, source, () => undefined);
  const old = "linux-image-6.1.0-1-686-unsigned";
  const gone = {
    ...before,
    image: before.image.map((entry) =>
      entry.name === kernelOf(before) ? { ...entry, name: old, version: "6.1.4-1" } : entry,
    ),
  };
  said = [];
  const usable = await usableLock(gone, source, (line) => said.push(line));
  expect(kernelOf(usable)).toMatch(/^linux-image-6\.1\.0-\d\d+-686-unsigned$/);
  expect(said.join("\n")).toContain(`${old} 6.1.4-1 → ${kernelOf(usable)}`);
}, 300_000);

test("an image of other packages than the locked ones has a name of its own, and is found", async () => {
  const other = { ...lock, image: lock.image.map((entry) => ({ ...entry, version: `${entry.version}+1` })) };
  const [own, name] = [await recipeHash(), await recipeHash(other)];
  expect(await recipeHash(lock)).toBe(own);
  expect(name).not.toBe(own);
  scratch = await mkdtemp(join(tmpdir(), "kroma-cache-"));
  await mkdir(join(scratch, "vm", name), { recursive: true });
  await writeFile(join(scratch, "vm", name, "manifest.json"), "{}");
  expect(await findImage(scratch)).toBeUndefined();
  await writeFile(join(scratch, "vm", `${own}.instead`), name);
  expect(await findImage(scratch)).toBe(join(scratch, "vm", name));
});

test("without apt the build says what it lacks", async () => {
  const path = process.env["PATH"];
  const empty = await mkdtemp(join(tmpdir(), "kroma-no-apt-"));
  try {
    process.env["PATH"] = empty;
    const bare = new PackageSource(join(empty, "apt"), SUITE, () => undefined);
    await expect(bare.resolve(["bash"], { dependencies: false })).rejects.toThrow(
      /needs? apt-get|apt-get is not installed/,
    );
  } finally {
    process.env["PATH"] = path;
    await rm(empty, { recursive: true });
  }
});
