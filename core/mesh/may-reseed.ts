/**
 * Who may put the history of a shared notebook away, and when (SPEC.md, E1): an owner who is asked to, and whoever made the
 * notebook without being asked, when everybody who is there has all of it and nothing runs. So few changes have to be
 * translated, and two hardly ever do it apart.
 */
import { KromaError } from "../base/errors.ts";
import type { MemberId } from "./identity.ts";
import type { LiveRuns } from "./live-runs.ts";
import type { Membership } from "./membership.ts";
import { hasAll, type Share } from "./share.ts";

/** How the notebook stands. */
export interface Standing {
  readonly me: MemberId;
  readonly membership: Membership | undefined;
  readonly shares: readonly Share[];
  readonly runs: LiveRuns;
  /** A person wants it. */
  readonly isAsked: boolean;
}

/** `denied` for who may not, `unavailable` while it is not the time for it. */
export async function mayReseed({ me, membership, shares, runs, isAsked }: Standing): Promise<void> {
  if (!membership?.may(me, "manage"))
    throw new KromaError("denied", "Only an owner of a shared notebook can put its history away.");
  if (isAsked) return;
  if (membership.creator !== me)
    throw new KromaError("denied", "Only whoever made a shared notebook puts its history away without being asked.");
  if (runs.others.length > 0) throw new KromaError("unavailable", "Somebody runs a cell.");
  for (const share of shares) {
    if (share.joined && !((await hasAll(share)) && (await share.parts.notebook.sync?.hasAllOfPeer())))
      throw new KromaError("unavailable", "Not everybody who is there has all of it.");
  }
}
