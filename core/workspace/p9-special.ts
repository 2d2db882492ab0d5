/**
 * Named pipes and sockets that programs of the machine make in the workspace. Their bytes pass through the guest's kernel alone;
 * a server only has to know that they are there. So they are kept here and in no store, seen by the machine only, and end with
 * it: a notebook's other kernels could do nothing with them.
 */
import { ERRNO, FsError } from "./errno.ts";
import { type AttributeChange, MODE, type Stat } from "./protocol.ts";

/** Far above the numbers of files. */
const FIRST_INODE = 2 ** 40;
const PIPE = 0o010000;
const SOCKET = 0o140000;
const MOST = 10_000;

export interface SpecialNode extends Stat {
  readonly name: string;
}

/** True for the types that can be made here. */
export const isSpecial = (mode: number): boolean => [PIPE, SOCKET].includes(mode & MODE.format);

/** The pipes and sockets of one machine. */
export class SpecialNodes {
  readonly #nodes = new Map<number, SpecialNode>();
  #next = FIRST_INODE;

  /** Makes one where none is. */
  make(parent: number, name: string, mode: number): Stat {
    if (this.find(parent, name)) throw new FsError(ERRNO.EEXIST, name);
    if (this.#nodes.size >= MOST) throw new FsError(ERRNO.ENOSPC, name);
    const now = Date.now();
    const node: SpecialNode = {
      name,
      parent,
      inode: this.#next++,
      mode,
      links: 1,
      size: 0,
      modified: now,
      changed: now,
      version: 0,
      uid: 0,
      gid: 0,
    };
    this.#nodes.set(node.inode, node);
    return node;
  }

  find(parent: number, name: string): Stat | undefined {
    if (this.#nodes.size === 0) return undefined;
    return this.in(parent).find((node) => node.name === name);
  }

  /** Those of a directory. */
  in(parent: number): readonly SpecialNode[] {
    return [...this.#nodes.values()].filter((node) => node.parent === parent);
  }

  get(inode: number): Stat | undefined {
    return this.#nodes.get(inode);
  }

  change(inode: number, { mode, uid, gid, modified }: AttributeChange): void {
    const node = this.#nodes.get(inode);
    if (!node) return;
    const permissions = (mode ?? node.mode) & MODE.permissions;
    this.#nodes.set(inode, {
      ...node,
      mode: (node.mode & MODE.format) | permissions,
      uid: uid ?? node.uid,
      gid: gid ?? node.gid,
      modified: modified ?? node.modified,
      changed: Date.now(),
    });
  }

  /** True if there was one. */
  remove(parent: number, name: string): boolean {
    const node = this.find(parent, name);
    return node !== undefined && this.#nodes.delete(node.inode);
  }

  /** True if it was one; who is in its place goes. */
  rename(parent: number, name: string, to: number, as: string): boolean {
    const found = this.find(parent, name);
    const node = found && this.#nodes.get(found.inode);
    if (!node) return false;
    if (parent === to && name === as) return true;
    this.remove(to, as);
    this.#nodes.set(node.inode, { ...node, parent: to, name: as, changed: Date.now() });
    return true;
  }

  clear(): void {
    this.#nodes.clear();
  }
}
