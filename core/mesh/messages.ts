/**
 * What a page says to the mesh in the document worker and hears from it. A page lends its links as ports, since WebRTC
 * exists on pages only; it sees who shares a notebook as plain data, whole each time it changes.
 */
import type { WireError } from "../base/errors.ts";
import type { DocumentId } from "../base/ids.ts";
import type { ContradictionNote } from "./contradiction-note.ts";
import type { EntryHash } from "./entry.ts";
import type { MemberId } from "./identity.ts";
import type { LinkPath } from "./link.ts";
import type { ShownRun } from "./live-runs.ts";
import type { Equivocation, FormerMember, Invitation, Member } from "./membership.ts";
import type { MemberModels } from "./model-exchange.ts";
import type { PresenceState } from "./presence.ts";
import type { LinkRole, Role } from "./roles.ts";
import type { OfferedModel } from "./offered-model.ts";

/** A member as a page shows them. */
export type ShownMember = Omit<Member, "identity">;

/** One notebook's sharing as a page sees it. */
export interface Sharing {
  readonly document: DocumentId;
  readonly me: MemberId;
  /** Undefined while nobody who has the notebook has let this one in. */
  readonly role: Role | undefined;
  readonly members: readonly ShownMember[];
  readonly former: readonly FormerMember[];
  readonly invitations: readonly Invitation[];
  readonly equivocations: readonly Equivocation[];
  /** Changes that were written in another's place, latest last. */
  readonly contradictions: readonly ContradictionNote[];
  /** Members with whom there is a link now. */
  readonly linked: readonly { readonly id: MemberId; readonly path: LinkPath }[];
  readonly present: readonly { readonly id: MemberId; readonly state: PresenceState }[];
  /** Models that others give now. */
  readonly models: readonly MemberModels[];
  /** The notebook itself is here. */
  readonly isHere: boolean;
  /** It is still coming, and can be read as somebody who has it says that it is. */
  readonly isComing: boolean;
  /** The list of its files is here too, as somebody who is linked now has it. */
  readonly filesCame: boolean;
  readonly trouble: string | undefined;
}

/** The links of this Kroma. */
export interface Links {
  readonly peers: readonly {
    readonly id: MemberId;
    readonly path: LinkPath;
    /** The other end as the link's transport names it: a libp2p peer id, but for manual links. */
    readonly remote: string;
    readonly sent: number;
    readonly received: number;
    /** Milliseconds, as far as it is known. */
    readonly roundTrip: number | undefined;
  }[];
  /** Why links came to nothing, latest last. */
  readonly troubles: readonly string[];
}

/** What a link holds that the mesh needs. */
export interface JoinTerms {
  readonly document: DocumentId;
  readonly genesis: EntryHash;
  readonly invitation: EntryHash;
  readonly secret: Uint8Array;
}

interface Request {
  readonly id: string;
}
interface OnDocument extends Request {
  readonly document: DocumentId;
}

export type MeshRequest =
  /** Oneself becomes the owner. reply: {} */
  | (OnDocument & { readonly type: "share"; readonly name: string })
  /** reply: JoinTerms */
  | (OnDocument & {
      readonly type: "invite";
      readonly role: LinkRole;
      readonly uses: "one" | "many";
      readonly expires: number;
    })
  | (OnDocument & { readonly type: "revoke_invitation"; readonly invitation: string })
  | (Request & { readonly type: "join"; readonly terms: JoinTerms; readonly name: string })
  | (OnDocument & { readonly type: "set_role"; readonly member: MemberId; readonly role: Role })
  | (OnDocument & { readonly type: "remove_member"; readonly member: MemberId })
  | (OnDocument & { readonly type: "rename"; readonly name: string })
  /** One's keys, enciphered. reply: { file: Uint8Array } */
  | (Request & { readonly type: "recovery_file"; readonly passphrase: string })
  /** The keys of such a file take the place of one's own. reply: { name } */
  | (Request & { readonly type: "recover"; readonly file: Uint8Array; readonly passphrase: string })
  /** A block of a model that others of the notebook give. reply: { bytes }, or {} when nobody did */
  | (OnDocument & { readonly type: "model_block"; readonly cid: string })
  | (OnDocument & { readonly type: "leave" })
  /** Something will be asked soon: what it takes may be loaded. reply: {} */
  | (Request & { readonly type: "prepare" });

export type ToMesh =
  | MeshRequest
  /** No reply. */
  | { readonly type: "presence"; readonly document: DocumentId; readonly state: PresenceState | undefined }
  /** What the page gives to the notebook's members of its models, from now on and for as long as it lives. No reply. */
  | { readonly type: "offer_models"; readonly document: DocumentId; readonly models: readonly OfferedModel[] }
  /** A block that was wanted, or without bytes that it is not given. */
  | { readonly type: "block_given"; readonly parent: string; readonly bytes?: Uint8Array }
  /** A link of the page, whose messages go over `port` as Uint8Arrays, and its end as `{ closed: reason }`. */
  | {
      readonly type: "link";
      readonly port: MessagePort;
      readonly path: LinkPath;
      readonly local: string;
      readonly remote: string;
      readonly dialled: boolean;
    };

/** One's own keys, as far as they are anybody's business. */
export interface OwnKeys {
  readonly id: MemberId;
  /** A recovery file can be made of them now. */
  readonly isRecoverable: boolean;
}

export type FromMesh =
  | { readonly type: "reply"; readonly parent: string; readonly value: unknown }
  | { readonly type: "failed"; readonly parent: string; readonly error: WireError }
  /** All notebooks that are shared, at first and when one comes or goes. */
  | { readonly type: "shared"; readonly documents: readonly DocumentId[] }
  | { readonly type: "sharing"; readonly sharing: Sharing }
  /** Runs of others that are under way in a notebook. */
  | { readonly type: "runs"; readonly document: DocumentId; readonly runs: readonly ShownRun[] }
  /** Of a page that offers models: a member wants a block. Answered by block_given. */
  | { readonly type: "block_wanted"; readonly id: string; readonly document: DocumentId; readonly cid: string }
  /** Absent: there are none yet. */
  | { readonly type: "keys"; readonly keys: OwnKeys | undefined }
  | { readonly type: "links"; readonly links: Links };
