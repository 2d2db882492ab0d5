/**
 * What each member and this end had in common when the last link to them ended. A link that comes back goes on from there:
 * else each end would describe every change that it has, and look for each.
 */
import { PARTS, type Part } from "../notebook/parts.ts";
import type { MemberId } from "./identity.ts";
import type { Share } from "./share.ts";

export class InCommon {
  readonly #heads = new Map<MemberId, Readonly<Partial<Record<Part, readonly string[]>>>>();

  /** Of each part the latest changes that both are known to have; none where nothing is known. */
  of(member: MemberId, part: Part): readonly string[] {
    return this.#heads.get(member)?.[part] ?? [];
  }

  /** The link is over. What was not synced over it stays as it was. */
  remember({ peer, parts }: Share): void {
    const now = PARTS.flatMap((part) => {
      const heads = parts[part].sync?.inCommon ?? [];
      return heads.length > 0 ? [[part, heads] as const] : [];
    });
    this.#heads.set(peer.id, { ...this.#heads.get(peer.id), ...Object.fromEntries(now) });
  }

  /** Some of these changes are no more, here or at that member. */
  forget(member?: MemberId): void {
    if (member === undefined) this.#heads.clear();
    else this.#heads.delete(member);
  }
}
