/** What a shared notebook needs of its surroundings: where documents are kept, keys, time, and whom it tells. */
import type { DocumentId } from "../base/ids.ts";
import type { NotebookDocument } from "../notebook/document.ts";
import type { FirstView } from "../notebook/first-view.ts";
import type { Replica } from "../notebook/replica.ts";
import type { SignedBy } from "../notebook/signed-changes.ts";
import type { Clock } from "./clock.ts";
import type { EntryHash } from "./entry.ts";
import type { AcceptedEntry } from "./entry-intake.ts";
import type { MemberId, Signatures, Signer } from "./identity.ts";
import type { Membership } from "./membership.ts";
import type { ModelOffer } from "./model-exchange.ts";
import type { Peer } from "./peer.ts";
import type { Quotas } from "./quotas.ts";
import type { SigningOptions } from "./signing.ts";

/** Where documents are kept. */
export interface Replicas {
  hold(document: DocumentId): Promise<Replica | undefined>;
  /** Takes a notebook that has come, to be its own. */
  adopt(document: DocumentId, content: NotebookDocument): Promise<Replica | undefined>;
  /** Shows what is said to be in a notebook until it is adopted or given up; false when it can't be. */
  expect(document: DocumentId, view: FirstView): Promise<boolean>;
  giveUp(document: DocumentId): void;
  /** What is written here from now on says that this member wrote it. */
  setAuthor(document: DocumentId, member: MemberId): Promise<void>;
  /** The history names those who have signed these changes. */
  setSigned(document: DocumentId, signed: readonly SignedBy[]): void;
}

/** What one shared notebook is made of. */
export interface SharedNotebookOptions {
  readonly document: DocumentId;
  readonly genesis: EntryHash;
  /** Undefined for someone who has only a link. */
  readonly membership: Membership | undefined;
  /** The entry that lets this one in, to be shown to whoever has the notebook. */
  readonly join: Uint8Array | undefined;
  readonly signer: Signer;
  /** Signatures under changes that were kept before. */
  readonly signed: readonly Uint8Array[];
  /** Oneself may be a member already, by what one did elsewhere: a link is shown only if that is not so. */
  readonly mayBeKnown: boolean;
  readonly signatures: Signatures;
  readonly replicas: Replicas;
  readonly clock: Clock;
  /** Another number by which this end calls the notebook to that peer. */
  readonly newNumber: (peer: Peer) => number;
  /** Keeps the membership; resolves when it is durable. */
  readonly keep: (membership: Membership, entries: readonly Uint8Array[]) => Promise<void>;
  /** Keeps signatures in the place of others; resolves when that is durable. */
  readonly keepSignatures: SigningOptions["keep"];
  /** Makes the entry that withdraws an invitation. */
  readonly revoke: (membership: Membership, invitation: string) => Promise<AcceptedEntry>;
  /** Members, links or presences have changed. */
  readonly changed: () => void;
  /** Outputs of runs under way elsewhere have changed. */
  readonly ran: () => void;
  /** What members may cost this machine; absent: whatever they do. */
  readonly quotas?: Quotas | undefined;
  /** What is offered here of models; absent: nothing ever is. */
  readonly offer?: (() => ModelOffer | undefined) | undefined;
}
