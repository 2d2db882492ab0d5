/**
 * What peers say to each other once they know who they are (SPEC.md, S1 and S2), as bytes. Frequent things are compact:
 * a key press is one message of Automerge and three bytes. All that comes in is checked here, once.
 */
import * as v from "valibot";
import { concatenate } from "../base/bytes.ts";
import { KromaError } from "../base/errors.ts";
import type { CellId, DocumentId } from "../base/ids.ts";
import { FirstViewSchema } from "../notebook/first-view.ts";
import { epochsSchema } from "../notebook/reseed/seed.ts";
import { PARTS, type Part } from "../notebook/parts.ts";
import { MOST_SIGNATURE_BYTES } from "./change-signature.ts";
import { MOST_SIGNATURES } from "./change-signatures.ts";
import { MOST_MESSAGE_BYTES } from "./link.ts";
import { MOST_LIVE_BYTES } from "./live-runs.ts";
import { LONGEST_OFFERED_ADDRESS, MOST_OFFERED, type OfferedModel } from "./offered-model.ts";

/** A message longer than a link carries goes in several pieces, up to this many bytes in all. */
export const MOST_ASSEMBLED_BYTES = 32 << 20;
/** Where someone is, as JSON. */
export const MOST_PRESENCE_BYTES = 4096;
/** An entry of a membership, as text. */
const MOST_ENTRY_LENGTH = 16 << 10;

const documentId = v.pipe(
  v.string(),
  v.regex(/^[\w-]{1,64}$/),
  v.transform((text) => text as DocumentId),
);
const hash = v.pipe(v.string(), v.regex(/^b[a-z2-7]{52}$/));
const cid = v.pipe(v.string(), v.regex(/^b[a-z2-7]{30,120}$/));
const changeHash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const sentence = v.pipe(v.string(), v.maxLength(500));
const number = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));

const Offered: v.GenericSchema<unknown, OfferedModel> = v.object({
  address: v.pipe(v.string(), v.maxLength(LONGEST_OFFERED_ADDRESS), v.regex(/^(?:https?|ipfs):\/\//)),
  cid,
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

const Said = v.variant("type", [
  /** I take part in this notebook; `number` is what I shall call it, `heads` those of its membership that I know. */
  v.object({
    type: v.literal("share"),
    number,
    document: documentId,
    genesis: hash,
    heads: v.pipe(v.array(hash), v.maxLength(16)),
    /** The first change of the document that it is here, if that took another's place. */
    seed: v.optional(changeHash),
    /** What I sync besides the notebook itself; unknown words mean nothing. */
    parts: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(32))), v.maxLength(16))),
  }),
  /** Entries of the membership that you may lack. */
  v.object({
    type: v.literal("members"),
    document: documentId,
    entries: v.pipe(v.array(v.pipe(v.string(), v.maxLength(MOST_ENTRY_LENGTH))), v.maxLength(5000)),
  }),
  /** Where the sender is; without a state they are gone. `from` only when a mirror passes it on. */
  v.object({
    type: v.literal("presence"),
    document: documentId,
    from: v.optional(hash),
    state: v.optional(v.record(v.string(), v.unknown())),
  }),
  /** What the sender runs, as far as it has come; without a run it has ended. `from` only when a mirror passes it on. */
  v.object({
    type: v.literal("run"),
    document: documentId,
    from: v.optional(hash),
    cell: v.pipe(
      v.string(),
      v.regex(/^[\w-]{1,64}$/),
      v.transform((text) => text as CellId),
    ),
    run: v.optional(v.record(v.string(), v.unknown())),
  }),
  /** All that the sender offers of models from now on. */
  v.object({
    type: v.literal("models"),
    document: documentId,
    models: v.pipe(v.array(Offered), v.maxLength(MOST_OFFERED), v.readonly()),
  }),
  /** The notebook has gone on as the document with that first change; those before it, oldest first, and their blocks. */
  v.object({
    type: v.literal("reseed"),
    document: documentId,
    seed: changeHash,
    epochs: v.pipe(epochsSchema, v.minLength(1), v.readonly()),
  }),
  /** The names of the signatures under changes that are here; signatures that are given. */
  v.object({
    type: v.literal("signatures"),
    document: documentId,
    have: v.optional(v.pipe(v.array(hash), v.maxLength(MOST_SIGNATURES))),
    given: v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(MOST_SIGNATURE_BYTES))), v.maxLength(64))),
  }),
  /** What is in the notebook, for someone who said that they have nothing of it and would show that while it comes. */
  v.object({ type: v.literal("view"), document: documentId, view: FirstViewSchema }),
  v.object({ type: v.literal("want"), document: documentId, cid }),
  v.object({ type: v.literal("absent"), document: documentId, cid }),
  /** You get nothing more of this notebook, and nothing of yours is taken. */
  v.object({
    type: v.literal("refused"),
    document: documentId,
    reason: sentence,
    /** Only the sender takes nothing of what you bring, for now; with an empty reason it does again. */
    passing: v.optional(v.boolean()),
  }),
  v.object({ type: v.literal("bye"), reason: sentence }),
]);

/** A message as JSON. */
export type Said = v.InferOutput<typeof Said>;

/** All messages. */
export type PeerMessage =
  | Said
  /** Automerge's own sync message for that part of the notebook that the sender calls by this number. */
  | { readonly type: "sync"; readonly number: number; readonly part: Part; readonly bytes: Uint8Array }
  /** A block that was asked for. */
  | {
      readonly type: "block";
      readonly document: DocumentId;
      readonly cid: string;
      readonly bytes: Uint8Array;
    };

const KINDS = { said: 0, sync: 1, block: 2, comments: 3, files: 4 } as const;
/** The kinds of sync messages, by the part that they are about. */
const SYNC_KINDS: Readonly<Record<Part, number>> = {
  notebook: KINDS.sync,
  comments: KINDS.comments,
  files: KINDS.files,
};
const MORE = 0x80;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The messages of a link that a message becomes, in order. */
export function encode(message: PeerMessage): readonly Uint8Array[] {
  if (message.type === "sync") {
    return pieces(SYNC_KINDS[message.part], [Uint8Array.of(message.number >> 8, message.number & 255), message.bytes]);
  }
  if (message.type === "block") {
    const [document, name] = [encoder.encode(message.document), encoder.encode(message.cid)];
    return pieces(KINDS.block, [Uint8Array.of(document.length, name.length), document, name, message.bytes]);
  }
  return pieces(KINDS.said, [encoder.encode(JSON.stringify(message))]);
}

function pieces(kind: number, parts: readonly Uint8Array[]): readonly Uint8Array[] {
  const body = concatenate(parts);
  if (body.length > MOST_ASSEMBLED_BYTES) throw new KromaError("exhausted", "This is too much for one message.");
  const made: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < body.length;) {
    const end = Math.min(body.length, at + MOST_MESSAGE_BYTES - 1);
    const piece = new Uint8Array(1 + end - at);
    piece[0] = kind | (end < body.length ? MORE : 0);
    piece.set(body.subarray(at, end), 1);
    made.push(piece);
    at = Math.max(end, 1);
  }
  return made;
}

/** Puts pieces together and checks what they say. One for each link; after an exception it is of no more use. */
export class Decoder {
  #kind: number | undefined;
  #parts: Uint8Array[] = [];
  #length = 0;

  /** The message that this piece completes, if it does. `invalid` when it is none, `exhausted` when it is too much. */
  take(piece: Uint8Array): PeerMessage | undefined {
    const [head] = piece;
    if (head === undefined) throw refuse("it is empty");
    const kind = head & ~MORE;
    if (this.#kind !== undefined && this.#kind !== kind) throw refuse("a piece of another message is in it");
    this.#length += piece.length - 1;
    if (this.#length > MOST_ASSEMBLED_BYTES) throw new KromaError("exhausted", "A message of this peer is too long.");
    this.#parts.push(piece.subarray(1));
    if (head & MORE) {
      this.#kind = kind;
      return undefined;
    }
    const body = this.#parts.length === 1 ? piece.subarray(1) : concatenate(this.#parts);
    this.#kind = undefined;
    this.#parts = [];
    this.#length = 0;
    return read(kind, body);
  }
}

function read(kind: number, body: Uint8Array): PeerMessage {
  const part = PARTS.find((one) => SYNC_KINDS[one] === kind);
  if (part) {
    const [high, low] = body;
    if (high === undefined || low === undefined) throw refuse("it is cut off");
    return { type: "sync", number: (high << 8) | low, part, bytes: body.subarray(2) };
  }
  if (kind === KINDS.block) {
    const start = 2 + (body[0] ?? 0);
    const end = start + (body[1] ?? 0);
    const document = v.safeParse(documentId, textOf(body.subarray(2, start)));
    const name = v.safeParse(cid, textOf(body.subarray(start, end)));
    if (!document.success || !name.success || end > body.length) throw refuse("its block has no name");
    return { type: "block", document: document.output, cid: name.output, bytes: body.subarray(end) };
  }
  if (kind !== KINDS.said) throw refuse(`it is of the unknown kind ${kind}`);
  const said = v.safeParse(Said, parse(textOf(body)));
  if (!said.success) throw refuse(`it says what nobody says (${said.issues[0].message})`);
  if (said.output.type === "presence" && body.length > MOST_PRESENCE_BYTES)
    throw new KromaError("exhausted", "This peer says too much about where it is.");
  if (said.output.type === "run" && body.length > MOST_LIVE_BYTES)
    throw new KromaError("exhausted", "This peer says too much about what it runs.");
  return said.output;
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw refuse("its text is broken");
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse("it is no JSON");
  }
}

function refuse(reason: string): KromaError {
  return new KromaError("invalid", `A message of this peer can't be read: ${reason}.`);
}
