/** The way of the page to other people, as panels and views see it: the mesh, the links, the invitations. */
import type { DocumentId } from "#core/base/ids.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import type { InvitationLink } from "#core/mesh/invitation.ts";
import type { ShownRun } from "#core/mesh/live-runs.ts";
import type { Links, OwnKeys, Sharing } from "#core/mesh/messages.ts";
import type { PresenceState } from "#core/mesh/presence.ts";
import type { LinkRole, Role } from "#core/mesh/roles.ts";
import type { TransportState } from "#core/mesh/transport.ts";
import type { OfferedModel } from "#core/mesh/offered-model.ts";

/** A manual link's first half: the text to hand over, and what to do with the answer that comes back. */
export interface ManualOffer {
  readonly text: string;
  /** Rejects with a KromaError when the text is no answer to this offer, or nobody is reached. */
  accept(answer: string): Promise<void>;
  cancel(): void;
}

/** What links of an invitation allow. */
export interface NewInvitation {
  readonly role: LinkRole;
  readonly uses: "one" | "many";
  /** Unix time in milliseconds. */
  readonly expires: number;
}

/** All functions that return a promise reject with a KromaError whose message is a sentence for a person. */
export interface Network {
  /** How a notebook is shared; undefined when it is not. Tracks (a Solid signal). */
  sharing(document: DocumentId): Sharing | undefined;
  /** Runs of others that are under way, with their outputs so far. Tracks. */
  runs(document: DocumentId): readonly ShownRun[];
  /** The links to others. Tracks. */
  links(): Links;
  /** One's own keys, by which the others know oneself; undefined while there are none. Tracks. */
  keys(): OwnKeys | undefined;
  /** One's keys as a file that the passphrase opens. */
  recoveryFile(passphrase: string): Promise<Uint8Array>;
  /** Puts the keys of such a file in the place of one's own. */
  recover(file: Uint8Array, passphrase: string): Promise<void>;
  /** The network, in this tab or the one that does it for all; undefined while nothing is known of it. Tracks. */
  transport(): TransportState | undefined;
  /** True when another tab of this browser does the network. Tracks. */
  elsewhere(): boolean;
  /** The name that others see; empty until it was given. Tracks. */
  name(): string;
  setName(name: string): void;
  /** Shares the notebook; oneself is its owner. */
  share(document: DocumentId): Promise<void>;
  /** Makes a link: the whole address, to be handed to others. Shares the notebook first when it is not shared. */
  invite(document: DocumentId, invitation: NewInvitation): Promise<string>;
  revokeInvitation(document: DocumentId, invitation: string): Promise<void>;
  /** Takes part by a link; the notebook opens when it is there. */
  join(link: InvitationLink): Promise<void>;
  setRole(document: DocumentId, member: MemberId, role: Role): Promise<void>;
  remove(document: DocumentId, member: MemberId): Promise<void>;
  /** Stops sharing here; the notebook stays. */
  leave(document: DocumentId): Promise<void>;
  /** A block of a model that people of a notebook give; undefined at once when nobody who is there gives any. */
  modelBlock(document: DocumentId, cid: string): Promise<Uint8Array | undefined>;
  /** Gives these models of a notebook to its people, from now on and while this page is open. */
  offerModels(document: DocumentId, models: readonly OfferedModel[]): void;
  setPresence(document: DocumentId, state: PresenceState | undefined): void;
  /** Connects two without any server: a text from here to there, and one back. */
  offer(): Promise<ManualOffer>;
  /** The other half: takes their text, gives the one to send back. */
  answer(offer: string): Promise<string>;
}
