/**
 * Which packages an image is made from. packages.lock.json names exact versions and sums; Debian's pool drops versions
 * that have been superseded, so a locked one may be gone. Then the version that the same suite offers now takes its
 * place, vouched for by apt's signed lists instead of the lock file, and the image is named for what is really inside.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { LockedPackage, PackageSource } from "./debian.ts";
import { BUSYBOX, PACKAGES } from "./recipe.ts";

/** What packages.lock.json holds. */
export interface Lock {
  /** What the image holds. */
  readonly image: readonly LockedPackage[];
  /** What compiles the agent. */
  readonly compiler: readonly LockedPackage[];
}

const lockPath = fileURLToPath(new URL("packages.lock.json", import.meta.url));

/** The lock file; it is written first if there is none. */
export async function readLock(source: PackageSource, log: (line: string) => void): Promise<Lock> {
  if (!existsSync(lockPath)) await updateLock(source, log);
  return JSON.parse(await readFile(lockPath, "utf8")) as Lock;
}

/** Writes the lock file anew, with the versions that Debian offers now. */
export async function updateLock(source: PackageSource, log: (line: string) => void): Promise<void> {
  const lock = await presentLock(source, PACKAGES.kernel);
  await writeFile(lockPath, lockText(lock));
  log(`Locked ${lock.image.length + lock.compiler.length} packages`);
}

/** The text of a lock file. */
export function lockText(lock: Lock): string {
  return `${JSON.stringify(lock, undefined, 2)}\n`;
}

/** The lock itself if all of it can be had; otherwise with the present versions of what is gone, which it says. */
export async function usableLock(lock: Lock, source: PackageSource, log: (line: string) => void): Promise<Lock> {
  const all = [...lock.image, ...lock.compiler];
  const there = await source.available(all);
  const gone = all.filter((entry) => !there.has(entry.name));
  if (gone.length === 0) return lock;
  const locked = kernelOf(lock);
  const kernel = there.has(locked) ? locked : await newestKernel(source);
  const fresh = await presentLock(source, kernel);
  const kept = new Map(all.filter((entry) => there.has(entry.name)).map((entry) => [entry.name, entry]));
  const choose = (entries: readonly LockedPackage[]) => entries.map((entry) => kept.get(entry.name) ?? entry);
  const chosen = { image: choose(fresh.image), compiler: choose(fresh.compiler) };
  const now = new Map([...chosen.image, ...chosen.compiler].map((entry) => [entry.name, entry.version]));
  log(`Debian no longer offers ${gone.length} of the ${all.length} locked packages; these take their place:`);
  for (const { name, version } of new Map(gone.map((entry) => [entry.name, entry])).values()) {
    const instead = now.get(name) ?? (name === locked ? kernel : "nothing");
    log(`  ${name} ${version} → ${instead}`);
  }
  log("  (`npm run vm-image -- --update` writes the present versions into the lock file)");
  return chosen;
}

/** The kernel's package among those of an image. */
export function kernelOf(lock: Lock): string {
  return lock.image.find((entry) => KERNEL.test(entry.name))?.name ?? PACKAGES.kernel;
}

const KERNEL = /^linux-image-([\d.]+)-(\d+)-686-unsigned$/;

async function presentLock(source: PackageSource, kernel: string): Promise<Lock> {
  const skip = PACKAGES.without;
  const alone = await source.resolve([kernel, PACKAGES.firmware, BUSYBOX], { dependencies: false });
  const programs = await source.resolve(PACKAGES.programs, { dependencies: true, skip });
  const compiler = await source.resolve(PACKAGES.compiler, { dependencies: true, skip });
  return { image: [...alone, ...programs].sort((a, b) => (a.name < b.name ? -1 : 1)), compiler };
}

/** A kernel's package is named for its build; of those of the recipe's version, the last one. */
async function newestKernel(source: PackageSource): Promise<string> {
  const version = KERNEL.exec(PACKAGES.kernel)?.[1] ?? "";
  const names = await source.names(`linux-image-${version}-`);
  const found = names.flatMap((name) => {
    const build = KERNEL.exec(name)?.[2];
    return build === undefined ? [] : [{ name, build: Number(build) }];
  });
  return found.sort((a, b) => b.build - a.build)[0]?.name ?? PACKAGES.kernel;
}
