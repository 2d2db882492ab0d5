/**
 * Random operations by two clients of one workspace, against a plain tree in memory: every answer and every error
 * must be the model's, and so must the whole tree at the end, as both clients see it.
 */
import fc from "fast-check";
import { ERRNO, FsError } from "#core/workspace/errno.ts";
import { isDirectory, MODE } from "#core/workspace/protocol.ts";
import { splitPath, type SyncFs } from "#core/workspace/sync-client.ts";
import { pattern, same } from "./workspace.ts";

type ModelFile = { bytes: Uint8Array };
type ModelDirectory = Map<string, ModelNode>;
type ModelNode = ModelFile | ModelDirectory;

export type Operation =
  | { readonly do: "write"; readonly path: string; readonly offset: number; readonly length: number }
  | { readonly do: "truncate"; readonly path: string; readonly size: number }
  | { readonly do: "create" | "mkdir" | "unlink" | "rmdir" | "list" | "read"; readonly path: string }
  | { readonly do: "rename" | "link"; readonly path: string; readonly to: string };

const name = fc.constantFrom("a", "b", "c");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
const size = fc.oneof(fc.nat(20), fc.nat(13_000));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("write" as const), path, offset: size, length: size.map((n) => n + 1) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("truncate" as const), path, size }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("create" as const, "mkdir" as const, "unlink" as const, "rmdir" as const),
      path,
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("list" as const, "read" as const), path }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("rename" as const, "link" as const), path, to: path }) },
);

/** Steps of a random story: who does what. */
export const story = fc.array(fc.record({ client: fc.constantFrom(0 as const, 1 as const), operation }), {
  minLength: 1,
  maxLength: 60,
});

/** Runs stories against the model, each in an empty directory `base`. Throws with the seed of a failing one. */
export function checkAgainstModel(a: SyncFs, b: SyncFs, base: string, runs: number): void {
  const clients = [a, b] as const;
  fc.assert(
    fc.property(story, (steps) => {
      if (a.exists(base)) a.remove(base);
      a.makeDirectories(base);
      const model: ModelDirectory = new Map();
      steps.forEach(({ client, operation: step }, index) => {
        const expected = outcome(() => onModel(model, step, index));
        const actual = outcome(() => onClient(clients[client], base, step, index));
        same(actual, expected, `step ${index} ${JSON.stringify(step)}`);
      });
      for (const client of clients) same(treeOf(client, base), modelTree(model), "the tree at the end");
    }),
    { numRuns: runs },
  );
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    if (error instanceof FsError) return error.code;
    throw error;
  }
}

function onClient(fs: SyncFs, base: string, step: Operation, seed: number): unknown {
  const at = (path: string) => {
    const [directory, last] = splitPath(`${base}/${path}`);
    const parent = fs.resolve(directory);
    if (!parent) throw new FsError(ERRNO.ENOENT);
    if (!isDirectory(parent)) throw new FsError(ERRNO.ENOTDIR);
    return [parent.inode, last] as const;
  };
  const [parent, last] = at(step.path);
  const find = () => {
    const stat = fs.lookup(parent, last);
    if (!stat) throw new FsError(ERRNO.ENOENT);
    return stat;
  };
  switch (step.do) {
    case "create":
      fs.create(parent, last, MODE.file | 0o644, { exclusive: true });
      return;
    case "mkdir":
      fs.create(parent, last, MODE.directory | 0o755, { exclusive: true });
      return;
    case "unlink":
      return fs.unlink(parent, last);
    case "rmdir":
      return fs.unlink(parent, last, true);
    case "list":
      return fs
        .readdir(find().inode)
        .map((entry) => entry.name)
        .sort();
    case "read": {
      const stat = find();
      const into = new Uint8Array(stat.size + 10);
      if (isDirectory(stat)) throw new FsError(ERRNO.EISDIR);
      return digest(into.subarray(0, fs.read(stat.inode, 0, into)));
    }
    case "write":
      fs.write(find().inode, step.offset, pattern(step.length, seed + 1));
      return fs.lookup(parent, last)?.size;
    case "truncate":
      return fs.setattr(find().inode, { size: step.size }).size;
    case "rename": {
      const [to, newName] = at(step.to);
      return fs.rename(parent, last, to, newName);
    }
    case "link": {
      const [to, newName] = at(step.to);
      return fs.link(find().inode, to, newName);
    }
  }
}

function onModel(root: ModelDirectory, step: Operation, seed: number): unknown {
  const at = (path: string) => {
    const parts = path.split("/");
    const last = parts.pop() as string;
    let directory = root;
    for (const part of parts) {
      const next = directory.get(part);
      if (!next) throw new FsError(ERRNO.ENOENT);
      if (!(next instanceof Map)) throw new FsError(ERRNO.ENOTDIR);
      directory = next;
    }
    return [directory, last] as const;
  };
  const [parent, last] = at(step.path);
  const there = parent.get(last);
  const find = () => {
    if (!there) throw new FsError(ERRNO.ENOENT);
    return there;
  };
  const file = () => {
    const node = find();
    if (node instanceof Map) throw new FsError(ERRNO.EISDIR);
    return node;
  };
  switch (step.do) {
    case "create":
    case "mkdir":
      if (there) throw new FsError(ERRNO.EEXIST);
      parent.set(last, step.do === "mkdir" ? new Map() : { bytes: new Uint8Array() });
      return;
    case "unlink":
      file();
      parent.delete(last);
      return;
    case "rmdir": {
      const node = find();
      if (!(node instanceof Map)) throw new FsError(ERRNO.ENOTDIR);
      if (node.size > 0) throw new FsError(ERRNO.ENOTEMPTY);
      parent.delete(last);
      return;
    }
    case "list": {
      const node = find();
      if (!(node instanceof Map)) throw new FsError(ERRNO.ENOTDIR);
      return [...node.keys()].sort();
    }
    case "read":
      return digest(file().bytes);
    case "write": {
      const { bytes } = file();
      const next = new Uint8Array(Math.max(bytes.length, step.offset + step.length));
      next.set(bytes);
      next.set(pattern(step.length, seed + 1), step.offset);
      file().bytes = next;
      return next.length;
    }
    case "truncate": {
      const node = file();
      const next = new Uint8Array(step.size);
      next.set(node.bytes.subarray(0, step.size));
      node.bytes = next;
      return step.size;
    }
    case "rename": {
      const [to, newName] = at(step.to);
      const node = find();
      const replaced = to.get(newName);
      if (replaced === node) return;
      if (node instanceof Map && (node === to || contains(node, to))) throw new FsError(ERRNO.EINVAL);
      if (replaced instanceof Map && !(node instanceof Map)) throw new FsError(ERRNO.EISDIR);
      if (replaced && !(replaced instanceof Map) && node instanceof Map) throw new FsError(ERRNO.ENOTDIR);
      if (replaced instanceof Map && replaced.size > 0) throw new FsError(ERRNO.ENOTEMPTY);
      parent.delete(last);
      to.set(newName, node);
      return;
    }
    case "link": {
      const [to, newName] = at(step.to);
      const node = find();
      if (node instanceof Map) throw new FsError(ERRNO.EPERM);
      if (to.has(newName)) throw new FsError(ERRNO.EEXIST);
      to.set(newName, node);
      return;
    }
  }
}

function contains(directory: ModelDirectory, wanted: ModelDirectory): boolean {
  for (const node of directory.values()) {
    if (node instanceof Map && (node === wanted || contains(node, wanted))) return true;
  }
  return false;
}

function digest(bytes: Uint8Array): string {
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return `${bytes.length}:${sum}`;
}

/** Every path with what it holds. */
export function treeOf(fs: SyncFs, path: string): Record<string, string> {
  const all: Record<string, string> = {};
  const visit = (inode: number, at: string) => {
    for (const entry of [...fs.readdir(inode)].sort((x, y) => (x.name < y.name ? -1 : 1))) {
      const child = `${at}/${entry.name}`;
      all[child] = isDirectory(entry) ? "directory" : digest(fs.readFile(`${path}${child}`));
      if (isDirectory(entry)) visit(entry.inode, child);
    }
  };
  visit(fs.resolve(path)?.inode ?? 0, "");
  return all;
}

function modelTree(root: ModelDirectory): Record<string, string> {
  const all: Record<string, string> = {};
  const visit = (directory: ModelDirectory, at: string) => {
    for (const [key, node] of [...directory].sort(([x], [y]) => (x < y ? -1 : 1))) {
      all[`${at}/${key}`] = node instanceof Map ? "directory" : digest(node.bytes);
      if (node instanceof Map) visit(node, `${at}/${key}`);
    }
  };
  visit(root, "");
  return all;
}
