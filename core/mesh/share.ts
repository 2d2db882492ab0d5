/** How a notebook stands with one peer: what each end has said of it, and the sync of its parts. */
import { PARTS, type Part } from "../notebook/parts.ts";
import type { Clock } from "./clock.ts";
import type { EntryHash } from "./entry.ts";
import { PartSync } from "./part-sync.ts";
import type { Peer } from "./peer.ts";

/** The word of those who understand what is said of runs. */
export const RUNS = "runs";
/** The word of those who understand what is said of models. */
export const MODELS = "models";
/** And of those who understand what is said of signatures under changes. */
export const SIGNATURES = "signatures";
/** And of those who can go on with a notebook as another document. */
export const SEEDS = "seeds";
/** The word of those who have nothing of the notebook, and show what they are told is in it while it comes. */
export const VIEW = "view";
/** The word of those who have put another document in the place of one: both ends begin to sync anew. */
export const ANEW = "anew";
/** The parts besides the notebook itself. */
export const BESIDE = PARTS.filter((part) => part !== "notebook");

export interface Share {
  readonly peer: Peer;
  /** What this end calls the notebook: another one for each document that it is. */
  number: number;
  /** What the other end calls it, once it has said so. */
  theirs: number | undefined;
  /** The first change of the other end's document, if it took another's place. */
  seed: string | undefined;
  /** The one of this end's document, as the other was told. */
  saidSeed: string | undefined;
  /** What the other end was told of how the notebook went on: where it was then, and where this one was. */
  toldChain: string | undefined;
  /** The heads of the membership that it knew when it said so. */
  heads: readonly EntryHash[];
  /** This end has said that it takes part, and has told all members there are. */
  introduced: boolean;
  listed: boolean;
  /** Both ends are members and take part. */
  joined: boolean;
  /** What it has said that it syncs besides the notebook; whether this end has. Before both have, what one said would be lost. */
  takes: ReadonlySet<string>;
  saidParts: boolean;
  /** This end has asked for what is in it, to show that while it comes. */
  asksView: boolean;
  /** The list of the files that it has is here. */
  filesCame: boolean;
  readonly parts: Readonly<Record<Part, PartSync>>;
  /** Why the peer takes nothing from here now, as it says; why this end takes nothing of it, as it was told. */
  refusal: string | undefined;
  saidRefusal: string | undefined;
  /** Calls off the proof that this one is a member. */
  proof: (() => void) | undefined;
}

/** With a peer of whom nothing has been heard yet. `number` is what this end calls the notebook. */
export function newShare(peer: Peer, number: number, clock: Clock): Share {
  const between = (part: Part): PartSync =>
    new PartSync(clock, (bytes) => peer.send({ type: "sync", number: share.number, part, bytes }));
  const share: Share = {
    peer,
    number,
    theirs: undefined,
    seed: undefined,
    saidSeed: undefined,
    toldChain: undefined,
    heads: [],
    introduced: false,
    listed: false,
    joined: false,
    takes: new Set(),
    saidParts: false,
    asksView: false,
    filesCame: false,
    parts: { notebook: between("notebook"), comments: between("comments"), files: between("files") },
    refusal: undefined,
    saidRefusal: undefined,
    proof: undefined,
  };
  return share;
}

/** Nothing goes to the peer any more. */
export function stopShare(share: Share): void {
  for (const part of Object.values(share.parts)) part.stop();
  share.proof?.();
}

/** What a `share` says that its sender syncs and understands. */
export function wordsOf(facts: {
  readonly isHere: boolean;
  readonly beginsAnew: boolean;
  readonly wantsView: boolean;
}): string[] {
  return [
    ...(facts.isHere ? BESIDE : []),
    RUNS,
    MODELS,
    SIGNATURES,
    SEEDS,
    ...(facts.beginsAnew ? [ANEW] : []),
    ...(facts.wantsView ? [VIEW] : []),
  ];
}

/** True when the peer has said that it has all that is here. */
export async function hasAll({ parts, takes }: Share): Promise<boolean> {
  if (!(await parts.notebook.sync?.hasAll())) return false;
  const beside = await Promise.all(
    BESIDE.map(async (part) => !takes.has(part) || ((await parts[part].sync?.hasAll()) ?? false)),
  );
  return beside.every(Boolean);
}
