/**
 * A file tree in memory: what packages unpack into and file system images are written from. It exists so that an
 * image can be laid out without root (owners and modes are data here) and the same on every host.
 * Paths are relative, "/"-separated; every file belongs to root.
 */

/** One entry of a tree. Modes are the permission bits only. */
export type TreeEntry =
  | { readonly kind: "file"; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: "directory"; readonly mode: number }
  | { readonly kind: "symlink"; readonly target: string };

/** A file tree under construction. Parents are made as needed; a later entry replaces an earlier one. */
export class Tree {
  readonly #entries = new Map<string, TreeEntry>();
  /** Directories that are kept as symbolic links, "bin" → "usr/bin": what is put below goes to the target. */
  readonly #aliases: ReadonlyMap<string, string>;

  constructor(aliases: Readonly<Record<string, string>> = {}) {
    this.#aliases = new Map(Object.entries(aliases));
    for (const [name, target] of this.#aliases) this.#entries.set(name, { kind: "symlink", target });
  }

  /** Adds or replaces an entry. */
  set(path: string, entry: TreeEntry): void {
    const name = this.#place(path);
    if (name === "") return;
    if (entry.kind === "directory" && this.#aliases.has(name)) return;
    for (let slash = name.indexOf("/"); slash >= 0; slash = name.indexOf("/", slash + 1)) {
      const parent = name.slice(0, slash);
      if (!this.#entries.has(parent)) this.#entries.set(parent, { kind: "directory", mode: 0o755 });
    }
    this.#entries.set(name, entry);
  }

  text(path: string, content: string, mode = 0o644): void {
    this.set(path, { kind: "file", mode, data: new TextEncoder().encode(content) });
  }

  directory(path: string, mode = 0o755): void {
    this.set(path, { kind: "directory", mode });
  }

  symlink(path: string, target: string): void {
    this.set(path, { kind: "symlink", target });
  }

  get(path: string): TreeEntry | undefined {
    return this.#entries.get(this.#place(path));
  }

  /** All entries, sorted by path as bytes: parents come before their children. */
  entries(): readonly (readonly [path: string, entry: TreeEntry])[] {
    return [...this.#entries].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  #place(path: string): string {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    const target = this.#aliases.get(parts[0] ?? "");
    if (target !== undefined && parts.length > 1) parts.splice(0, 1, ...target.split("/"));
    return parts.join("/");
  }
}
