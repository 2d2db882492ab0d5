/**
 * Fetches Debian packages of another architecture without root and without touching the host's package system: apt with
 * a state of its own, the host's configured sources and keys. Exact versions and SHA-256 sums come from a lock file.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";

/** One locked package. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly size: number;
}

/** An apt of our own in `folder`, for i386 packages of `suite`. */
export class PackageSource {
  readonly #folder: string;
  readonly #log: (line: string) => void;
  #ready: Promise<void> | undefined;
  readonly #suite: string;

  constructor(folder: string, suite: string, log: (line: string) => void) {
    this.#folder = folder;
    this.#suite = suite;
    this.#log = log;
  }

  /** What installing `names` would need, with the versions the source offers now; without what `skip` names. */
  async resolve(
    names: readonly string[],
    options: { dependencies: boolean; skip?: readonly string[] },
  ): Promise<LockedPackage[]> {
    await this.#update();
    const lines = options.dependencies
      ? await this.#run("apt-get", ["install", "--no-install-recommends", "--print-uris", "-qq", ...names])
      : await this.#run("apt-get", ["download", "--print-uris", "-qq", ...names]);
    const found: LockedPackage[] = [];
    for (const line of lines.split("\n")) {
      const match = /^'[^']*' (\S+?)_(\S+)_[a-z0-9]+\.deb (\d+) SHA256:([0-9a-f]{64})$/.exec(line.trim());
      if (!match) continue;
      const [, name = "", version = "", size = "", sha256 = ""] = match;
      if (options.skip?.includes(name)) continue;
      found.push({ name, version: decodeURIComponent(version), sha256, size: Number(size) });
    }
    if (found.length === 0) throw new KromaError("missing", `apt knows no packages for: ${names.join(" ")}`);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Names of those of `locked` that can be had in exactly their version: they are here, or apt's lists have them. */
  async available(locked: readonly LockedPackage[]): Promise<ReadonlySet<string>> {
    const folder = join(this.#folder, "packages");
    await mkdir(folder, { recursive: true });
    const here = new Set(await readdir(folder));
    const isHere = (entry: LockedPackage) =>
      ["all", "i386"].some((architecture) => here.has(fileName(entry, architecture)));
    const found = new Set(locked.filter(isHere).map((entry) => entry.name));
    const asked = locked.filter((entry) => !found.has(entry.name));
    if (asked.length === 0) return found;
    await this.#update();
    const offered = new Set<string>();
    for (const line of (await this.#run("apt-cache", ["madison", ...asked.map((entry) => entry.name)])).split("\n")) {
      const [name = "", version = ""] = line.split("|").map((part) => part.trim());
      offered.add(`${name}=${version}`);
    }
    for (const entry of asked) if (offered.has(`${entry.name}=${entry.version}`)) found.add(entry.name);
    return found;
  }

  /** Names of all packages that begin so. */
  async names(prefix: string): Promise<string[]> {
    await this.#update();
    return (await this.#run("apt-cache", ["pkgnames", prefix])).split("\n").filter(Boolean);
  }

  /** The package files of `locked`, by name, fetched if they are not here yet, each checked against its sum. */
  async fetch(locked: readonly LockedPackage[]): Promise<ReadonlyMap<string, string>> {
    const folder = join(this.#folder, "packages");
    await mkdir(folder, { recursive: true });
    const files = new Map<string, string>();
    for (const entry of locked)
      files.set(entry.name, join(folder, fileName(entry, await architectureOf(folder, entry))));
    const missing = locked.filter((entry) => !existsSync(files.get(entry.name) ?? ""));
    if (missing.length > 0) {
      await this.#update();
      const bytes = missing.reduce((sum, entry) => sum + entry.size, 0);
      this.#log(`Fetching ${missing.length} Debian packages (${(bytes / 1e6).toFixed(0)} MB)`);
      await this.#run(
        "apt-get",
        ["download", "-q", ...missing.map((entry) => `${entry.name}=${entry.version}`)],
        folder,
      );
      for (const entry of missing)
        files.set(entry.name, join(folder, fileName(entry, await architectureOf(folder, entry))));
    }
    for (const entry of locked) {
      const file = files.get(entry.name) ?? "";
      const sum = createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
      if (sum !== entry.sha256)
        throw new KromaError("corrupt", `${file} has SHA-256 ${sum}, the lock file says ${entry.sha256}`);
    }
    return files;
  }

  #update(): Promise<void> {
    this.#ready ??= this.#prepare();
    return this.#ready;
  }

  async #prepare(): Promise<void> {
    const state = join(this.#folder, "state");
    await mkdir(join(state, "lists", "partial"), { recursive: true });
    await mkdir(join(this.#folder, "cache", "archives", "partial"), { recursive: true });
    await writeFile(join(this.#folder, "status"), "");
    const lines = [
      `Dir::State ${JSON.stringify(state)};`,
      `Dir::State::status ${JSON.stringify(join(this.#folder, "status"))};`,
      `Dir::Cache ${JSON.stringify(join(this.#folder, "cache"))};`,
      'APT::Architecture "i386";',
      'APT::Architectures { "i386"; };',
      'APT::Sandbox::User "";',
      'Acquire::Languages "none";',
      'Acquire::ForceHash "SHA256";',
    ];
    const mirrors = (process.env["KROMA_DEBIAN_MIRROR"] ?? "").split(" ").filter(Boolean);
    if (mirrors.length > 0) {
      const list = join(this.#folder, "sources.list");
      await writeFile(list, mirrors.map((mirror) => sourceLine(mirror, this.#suite)).join(""));
      lines.push(`Dir::Etc::SourceList ${JSON.stringify(list)};`, 'Dir::Etc::SourceParts "/dev/null";');
    }
    await writeFile(join(this.#folder, "apt.conf"), `${lines.join("\n")}\n`);
    this.#log("Reading Debian's package lists");
    // One of several sources may be out of step for a while; what is missing for it shows in the next step.
    await this.#run("apt-get", ["update", "-q"]).catch((error: unknown) => this.#log(`apt: ${firstError(error)}`));
  }

  #run(tool: "apt-get" | "apt-cache", args: readonly string[], cwd = this.#folder): Promise<string> {
    return new Promise((resolve, reject) => {
      const env = { ...process.env, APT_CONFIG: join(this.#folder, "apt.conf"), LC_ALL: "C" };
      execFile(tool, [...args], { cwd, env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        if (!error) return resolve(stdout);
        if (isNotInstalled(error)) return reject(lacks(tool));
        reject(new KromaError("unavailable", `${tool} ${args[0]} failed: ${stderr.trim()}`));
      });
    });
  }
}

/**
 * A line of sources.list for a mirror's address. One of security updates has "security" in it; one of a snapshot archive
 * has the time in it, and its lists are past the date until which they were meant to be used.
 */
function sourceLine(mirror: string, suite: string): string {
  const key = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const options = [
    ...(existsSync(key) ? [`signed-by=${key}`] : []),
    ...(/\/\d{8}T\d{6}Z(\/|$)/.test(mirror) ? ["check-valid-until=no"] : []),
  ];
  const name = /\bsecurity\b|-security/.test(mirror) ? `${suite}-security` : suite;
  return `deb ${options.length > 0 ? `[${options.join(" ")}] ` : ""}${mirror} ${name} main\n`;
}

function isNotInstalled(error: Error): boolean {
  return "code" in error && error.code === "ENOENT";
}

function lacks(tool: string): KromaError {
  return new KromaError(
    "missing",
    `The Linux image is built from Debian packages with apt-get and dpkg-deb; ${tool} is not installed here. ` +
      "Debian, Ubuntu and their kin have them.",
  );
}

/** The files of a Debian package as one tar archive. */
export function packageFiles(file: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    execFile("dpkg-deb", ["--fsys-tarfile", file], { encoding: "buffer", maxBuffer: 2 ** 31 - 1 }, (error, stdout) =>
      error
        ? reject(
            isNotInstalled(error)
              ? lacks("dpkg-deb")
              : new KromaError("corrupt", `cannot unpack ${file}: ${error.message}`),
          )
        : resolve(stdout),
    );
  });
}

/** What a package says of itself, and the paths of its files. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** The source package, with its version where that differs: "glibc" or "gcc-12 (12.2.0-14)". */
  readonly source: string;
  /** dpkg keeps its file list under NAME:ARCHITECTURE. */
  readonly multiArch: boolean;
  /** The control file. */
  readonly control: string;
}

/** Reads a package's control file. */
export function packageRecord(file: string): Promise<PackageRecord> {
  return new Promise((resolve, reject) => {
    execFile("dpkg-deb", ["-f", file], (error, control) => {
      if (error) return reject(new KromaError("corrupt", `cannot read ${file}: ${error.message}`));
      const field = (name: string) => new RegExp(`^${name}: *(.*)$`, "m").exec(control)?.[1] ?? "";
      const name = field("Package");
      resolve({
        name,
        version: field("Version"),
        architecture: field("Architecture"),
        source: field("Source") || name,
        multiArch: field("Multi-Arch") === "same",
        control,
      });
    });
  });
}

function fileName(entry: LockedPackage, architecture: string): string {
  return `${entry.name}_${entry.version.replaceAll(":", "%3a")}_${architecture}.deb`;
}

/** "all" or "i386": what the file in the folder says, as the lock file leaves it open. */
async function architectureOf(folder: string, entry: LockedPackage): Promise<string> {
  return (await readdir(folder)).includes(fileName(entry, "all")) ? "all" : "i386";
}

function firstError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, " ").slice(0, 200);
}
