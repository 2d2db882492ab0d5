/**
 * What one member may cost a machine that keeps notebooks for many (SPEC.md, S21). Who is over gets a reason, and still
 * all that is kept; what they bring is passed over until there is room again, and the others go on.
 */
import type { DocumentId } from "../base/ids.ts";
import { PARTS } from "../notebook/parts.ts";
import type { MemberId } from "./identity.ts";
import type { Share } from "./share.ts";

/** Counts, and says when it is too much. A page has none. */
export interface Quotas {
  /** A member has sent so many bytes. */
  received(member: MemberId, bytes: number): void;
  /** So many bytes of a notebook are kept that a member has brought. */
  brought(member: MemberId, document: DocumentId, bytes: number): void;
  /** Why nothing is taken of what that member brings, a sentence for them; undefined while it is. */
  refusal(member: MemberId): string | undefined;
  /** Why that member is not even listened to: they go on sending far more than they may. */
  ban(member: MemberId): string | undefined;
  /** Why a notebook that this member made is not taken in. */
  refusalOfNotebook(document: DocumentId, creator: MemberId): string | undefined;
}

/**
 * Tells a peer, once, that nothing is taken of it any more, or that it is again. `begin` begins to sync those parts anew
 * that are synced, and says so when what was passed over has to come again.
 */
export function heedQuotas(
  quotas: Quotas | undefined,
  share: Share,
  document: DocumentId,
  begin: (isTakenAgain: boolean) => void,
): void {
  const { peer, parts } = share;
  if (!quotas || !PARTS.some((part) => parts[part].sync)) return;
  const refusal = quotas.refusal(peer.id);
  if ((refusal === undefined) === (share.saidRefusal === undefined)) return;
  share.saidRefusal = refusal;
  peer.send({ type: "refused", document, reason: refusal ?? "", passing: true });
  begin(refusal === undefined);
}
