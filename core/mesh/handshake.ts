/**
 * Who is at the other end of a link, proved, before anything else is said. Three messages from each side, at the same
 * time: hello (who, what it speaks, a nonce), proof (both signatures over all that both said and over the link's ends),
 * welcome (your proof is good). What follows is the members' own. Rules: SPEC.md, H1 to H12.
 *
 * The proof covers the names by which the transport knows both ends, so a third one who passes messages on between two
 * links is found out. It covers who dialled, so that a proof can't be sent back to who made it.
 */
import * as v from "valibot";
import { canonicalJson } from "../base/canonical-json.ts";
import type { Channel } from "../base/channel.ts";
import { KromaError } from "../base/errors.ts";
import { Emitter } from "../base/events.ts";
import { domainHash, jsonBytes, toBase64Url } from "./encoding.ts";
import { base64UrlOf, identitySchema, memberIdOf, signatureSchema } from "./identity.ts";
import type { MemberId, PublicIdentity, Signatures, Signer } from "./identity.ts";
import type { Link } from "./link.ts";

/** The version that is spoken, and the oldest that is understood. */
export const MESH_VERSION = 1;
export const OLDEST_MESH_VERSION = 1;
/** No message before the end of the handshake is larger. */
export const MOST_HANDSHAKE_BYTES = 16 * 1024;
/** What the other end may send before it is known. */
export const MOST_HANDSHAKE_MESSAGES = 8;
const NONCE_BYTES = 32;
const DOMAIN = "kroma/handshake/1";

/** A peer whose keys are proved. What it may do is for the membership of each notebook. */
export interface AuthenticatedPeer {
  readonly peer: PublicIdentity;
  readonly id: MemberId;
  /** What both sides said that they can. */
  readonly features: readonly string[];
  /** The peer's clock less this one's, in milliseconds, as far as the hello's way allows. */
  readonly clockOffset: number;
  /** Everything after the handshake; nothing is lost that comes before `receive`. */
  readonly channel: Channel<Uint8Array, Uint8Array>;
}

export interface HandshakeOptions {
  readonly signer: Signer;
  readonly signatures: Signatures;
  /** What this end can, by name. */
  readonly features?: readonly string[];
  /** The clock. */
  readonly now: () => number;
  /** Ends the attempt and the link: a timeout, or a person. */
  readonly signal: AbortSignal;
}

const helloSchema = v.object({
  type: v.literal("hello"),
  version: v.pipe(v.number(), v.safeInteger()),
  oldest: v.pipe(v.number(), v.safeInteger()),
  features: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[\w.-]{1,32}$/))), v.maxLength(32)),
  nonce: base64UrlOf(NONCE_BYTES),
  time: v.pipe(v.number(), v.safeInteger()),
  identity: identitySchema,
});
const versionSchema = v.object({
  type: v.literal("hello"),
  version: v.pipe(v.number(), v.safeInteger()),
  oldest: v.pipe(v.number(), v.safeInteger()),
});
const proofSchema = v.strictObject({ type: v.literal("proof"), signature: signatureSchema });
const welcomeSchema = v.strictObject({ type: v.literal("welcome") });
const refusalSchema = v.strictObject({
  type: v.literal("refusal"),
  reason: v.picklist(["clientTooOld", "peerTooOld", "malformed", "identity"]),
});
type RefusalReason = v.InferOutput<typeof refusalSchema>["reason"];

const STRANGE = "The other side does not speak as a Kroma does.";
const NOT_PROVED = "The other side could not prove who it says it is. Somebody may be between you.";
const GONE = "The connection ended before both sides knew each other.";

/**
 * Proves both ends to each other. Rejects, and closes the link, with `denied` (not who it says), `invalid` (does not
 * speak this), `unavailable` (a version that does not fit, a link that ended, a signal that timed out) or `aborted`.
 */
export async function authenticate(link: Link, options: HandshakeOptions): Promise<AuthenticatedPeer> {
  const inbox = new Inbox(link.channel, options.signal);
  try {
    return await exchange(link, inbox, options);
  } catch (error) {
    const details = error instanceof KromaError ? (error.details as { readonly tell?: RefusalReason }) : undefined;
    if (details?.tell) {
      link.channel.send(jsonBytes({ type: "refusal", reason: details.tell }));
      // Ends in one thread pass messages on in the next microtask, and drop what waits when they close.
      await Promise.resolve();
    }
    inbox.stop();
    link.channel.close(error instanceof KromaError ? error.message : GONE);
    throw error;
  }
}

async function exchange(link: Link, inbox: Inbox, options: HandshakeOptions): Promise<AuthenticatedPeer> {
  const { signer, signatures, now } = options;
  const { channel } = link;
  const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(NONCE_BYTES)));
  const ownHello = jsonBytes({
    type: "hello",
    version: MESH_VERSION,
    oldest: OLDEST_MESH_VERSION,
    features: options.features ?? [],
    nonce,
    time: now(),
    identity: signer.identity,
  });
  // A copy: what was sent is the link's.
  channel.send(ownHello.slice());

  const peerHello = await inbox.next();
  const hello = readHello(peerHello);
  const clockOffset = hello.time - now();
  // The one thing that an echo can't have of its own.
  if (hello.nonce === nonce) throw refusal("denied", NOT_PROVED, "identity");
  const id = await memberIdOf(hello.identity);
  const [dialler, listener] = link.dialled ? [ownHello, peerHello] : [peerHello, ownHello];
  const [diallerEnd, listenerEnd] = link.dialled ? [link.local, link.remote] : [link.remote, link.local];
  const transcript = {
    dialler: { hello: await domainHash(DOMAIN, dialler), end: diallerEnd },
    listener: { hello: await domainHash(DOMAIN, listener), end: listenerEnd },
  };
  const signed = (by: "dialler" | "listener") => jsonBytes({ ...transcript, by });

  const signature = await signer.sign(DOMAIN, signed(link.dialled ? "dialler" : "listener"));
  inbox.check();
  channel.send(jsonBytes({ type: "proof", signature }));
  const proof = readMessage(proofSchema, await inbox.next());
  const theirs = signed(link.dialled ? "listener" : "dialler");
  if (!(await signatures.verify(hello.identity, DOMAIN, theirs, proof.signature)))
    throw refusal("denied", NOT_PROVED, "identity");
  inbox.check();
  inbox.trust();
  channel.send(jsonBytes({ type: "welcome" }));
  readMessage(welcomeSchema, await inbox.next());
  const features = hello.features.filter((feature) => options.features?.includes(feature));
  return { peer: hello.identity, id, features, clockOffset, channel: inbox.open() };
}

/** The hello, of a version that both understand. */
function readHello(bytes: Uint8Array): v.InferOutput<typeof helloSchema> {
  const value = decode(bytes);
  throwIfRefused(value);
  // Versions are read before the rest, which may look otherwise in another one.
  const versions = v.safeParse(versionSchema, value);
  if (!versions.success) throw refusal("invalid", STRANGE, "malformed");
  if (versions.output.oldest > MESH_VERSION) throw refusal("unavailable", OUTDATED.clientTooOld, "clientTooOld");
  if (versions.output.version < OLDEST_MESH_VERSION) throw refusal("unavailable", OUTDATED.peerTooOld, "peerTooOld");
  const parsed = v.safeParse(helloSchema, value, { abortEarly: true });
  if (!parsed.success) throw refusal("invalid", STRANGE, "malformed");
  return parsed.output;
}

const OUTDATED = {
  clientTooOld: "The other side runs a newer Kroma that this one does not understand. Update this one.",
  peerTooOld: "The other side runs a Kroma too old for this one. It has to be updated.",
} as const;

function readMessage<T>(schema: v.GenericSchema<unknown, T>, bytes: Uint8Array): T {
  const value = decode(bytes);
  throwIfRefused(value);
  const parsed = v.safeParse(schema, value, { abortEarly: true });
  if (!parsed.success) throw refusal("invalid", STRANGE, "malformed");
  return parsed.output;
}

/** What the other side says when it ends the handshake, in the words of this side. */
function throwIfRefused(value: unknown): void {
  const parsed = v.safeParse(refusalSchema, value);
  if (!parsed.success) return;
  const { reason } = parsed.output;
  // Who is too old there is the other one here.
  if (reason === "clientTooOld") throw failure("unavailable", OUTDATED.peerTooOld, "peerTooOld");
  if (reason === "peerTooOld") throw failure("unavailable", OUTDATED.clientTooOld, "clientTooOld");
  if (reason === "identity")
    throw failure("denied", "The other side does not believe that this is you. Somebody may be between you.", reason);
  throw failure("invalid", "The other side does not understand this Kroma.", reason);
}

function decode(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (canonicalJson(value) === text) return value;
  } catch {
    // Refused below, as what is JSON and not in its one spelling.
  }
  throw refusal("invalid", STRANGE, "malformed");
}

const failure = (code: "denied" | "invalid" | "unavailable", message: string, reason: string): KromaError =>
  new KromaError(code, message, { details: { reason } });

/** A failure that the other side is told of. */
const refusal = (code: "denied" | "invalid" | "unavailable", message: string, reason: RefusalReason): KromaError =>
  new KromaError(code, message, { details: { reason, tell: reason } });

/** What comes in, bounded until the peer is known, kept until somebody wants it. */
class Inbox {
  readonly #channel: Channel<Uint8Array, Uint8Array>;
  readonly #waiting: Uint8Array[] = [];
  readonly #stops: (() => void)[] = [];
  readonly #messages = new Emitter<Uint8Array>();
  readonly #ended = new Emitter<string | undefined>();
  #wake: (() => void) | undefined;
  #received = 0;
  #isTrusted = false;
  #isOpen = false;
  #isHeard = false;
  #isClosed = false;
  #closeReason: string | undefined;
  #trouble: KromaError | undefined;

  constructor(channel: Channel<Uint8Array, Uint8Array>, signal: AbortSignal) {
    this.#channel = channel;
    const abort = () => this.#fail(abortError(signal));
    signal.addEventListener("abort", abort);
    this.#stops.push(() => signal.removeEventListener("abort", abort));
    this.#stops.push(
      channel.onClose((reason) => {
        this.#isClosed = true;
        this.#closeReason = reason;
        if (this.#isOpen) this.#ended.emit(reason);
        else this.#wake?.();
      }),
    );
    if (signal.aborted) abort();
    else this.#stops.push(channel.receive((message) => this.#take(message)));
  }

  /** The next message; rejects when there can be none. */
  async next(): Promise<Uint8Array> {
    for (;;) {
      this.check();
      const message = this.#waiting.shift();
      if (message) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Throws when the attempt is over. What the other side said before it ended the link is still read: why it did. */
  check(): void {
    if (this.#trouble) throw this.#trouble;
    if (this.#isClosed && this.#waiting.length === 0)
      throw failure("unavailable", this.#closeReason ? `${GONE} (${this.#closeReason})` : GONE, "closed");
  }

  /** Lifts the limits: the peer is known, and may say what it wants as soon as it is welcome. */
  trust(): void {
    this.#isTrusted = true;
  }

  /** The channel from here on. */
  open(): Channel<Uint8Array, Uint8Array> {
    this.check();
    this.#isOpen = true;
    // The signal was for the handshake.
    this.#stops.shift()?.();
    return {
      send: (message, transfer) => this.#channel.send(message, transfer),
      receive: (listener) => {
        const stop = this.#messages.on(listener);
        if (!this.#isHeard) {
          this.#isHeard = true;
          for (const message of this.#waiting.splice(0)) this.#messages.emit(message);
        }
        return stop;
      },
      close: (reason) => this.#channel.close(reason),
      onClose: (listener) => {
        const stop = this.#ended.on(listener);
        // The end may have come between the last message and this.
        if (this.#isClosed) queueMicrotask(() => listener(this.#closeReason));
        return stop;
      },
    };
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #take(message: Uint8Array): void {
    if (this.#isHeard) {
      this.#messages.emit(message);
      return;
    }
    this.#received += 1;
    if (!this.#isTrusted && (message.byteLength > MOST_HANDSHAKE_BYTES || this.#received > MOST_HANDSHAKE_MESSAGES)) {
      this.#fail(refusal("invalid", STRANGE, "malformed"));
      return;
    }
    this.#waiting.push(message);
    this.#wake?.();
  }

  #fail(error: KromaError): void {
    this.#trouble ??= error;
    this.#wake?.();
  }
}

function abortError(signal: AbortSignal): KromaError {
  const { reason } = signal as { reason: unknown };
  if (reason instanceof DOMException && reason.name === "TimeoutError")
    return failure("unavailable", "The other side did not answer in time.", "timeout");
  return new KromaError("aborted", "The connection was given up.", { details: { reason: "aborted" } });
}
