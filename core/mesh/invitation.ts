/**
 * The link that lets somebody in: all of it is in the fragment, which browsers send to no server. Whoever has the link
 * has the invitation. Rules: SPEC.md, L1 to L6.
 */
import * as v from "valibot";
import { canonicalJson } from "../base/canonical-json.ts";
import { KromaError } from "../base/errors.ts";
import type { DocumentId } from "../base/ids.ts";
import { CLOCK_TOLERANCE } from "./admission.ts";
import { fromBase64Url, jsonBytes, toBase64Url } from "./encoding.ts";
import { documentIdSchema, entryHashSchema, timeSchema, type EntryHash } from "./entry.ts";
import { base64UrlOf, fitName, nameSchema } from "./identity.ts";
import { INVITATION_PREFIX } from "./invitation-fragment.ts";
import { linkRoleSchema, type LinkRole } from "./roles.ts";

export const LINK_VERSION = 1;
/** The longest link, in characters, without what is before the fragment. */
export const MOST_LINK_LENGTH = 4096;
export const MOST_ADDRESSES = 8;
export const INVITATION_SECRET_BYTES = 32;

/** What a link holds. */
export interface InvitationLink {
  readonly notebook: DocumentId;
  /** The first entry of the notebook's membership: what the newcomer is given must begin with it. */
  readonly genesis: EntryHash;
  /** The entry that made the invitation. */
  readonly invitation: EntryHash;
  /** What the link says that it allows; what it does allow is in the membership. */
  readonly role: LinkRole;
  readonly secret: Uint8Array;
  /** Where members can be reached: multiaddrs. Nothing is dialled that a person did not open the link for. */
  readonly addresses: readonly string[];
  readonly expires?: number;
  readonly title?: string;
}

const linkSchema = v.strictObject({
  v: v.literal(LINK_VERSION),
  notebook: documentIdSchema,
  genesis: entryHashSchema,
  invitation: entryHashSchema,
  role: linkRoleSchema,
  secret: base64UrlOf(INVITATION_SECRET_BYTES),
  addresses: v.pipe(
    // A multiaddr starts with a slash and names protocols; what it means is for the transport.
    v.array(v.pipe(v.string(), v.maxLength(512), v.regex(/^\/[\x21-\x7e]+$/))),
    v.maxLength(MOST_ADDRESSES),
  ),
  expires: v.exactOptional(timeSchema),
  title: v.exactOptional(nameSchema),
});

/** A secret for a new invitation. */
export const newInvitationSecret = (): Uint8Array => crypto.getRandomValues(new Uint8Array(INVITATION_SECRET_BYTES));

/** The fragment of a link, from the "#" on. `invalid` when it would be too long, or says what a link can't. */
export function makeInvitationFragment(link: InvitationLink): string {
  const title = link.title === undefined ? undefined : fitName(link.title);
  const value = {
    v: LINK_VERSION,
    notebook: link.notebook,
    genesis: link.genesis,
    invitation: link.invitation,
    role: link.role,
    secret: toBase64Url(link.secret),
    addresses: link.addresses,
    ...(link.expires === undefined ? {} : { expires: link.expires }),
    ...(title === undefined ? {} : { title }),
  };
  if (!v.is(linkSchema, value)) throw new KromaError("invalid", "No link can be made of this invitation.");
  const fragment = `#${INVITATION_PREFIX}${toBase64Url(jsonBytes(value))}`;
  if (fragment.length > MOST_LINK_LENGTH)
    throw new KromaError("invalid", "This link would be too long: leave out some addresses.");
  return fragment;
}

/**
 * What a link says. Takes the link as it was pasted: all of it, or the fragment only. `invalid` with a sentence when it
 * was cut off, has ended by the clock `now`, or was made by a newer Kroma.
 */
export function parseInvitationLink(pasted: string, now: number): InvitationLink {
  const link = pasted.trim();
  const start = link.indexOf(INVITATION_PREFIX);
  if (start < 0) throw new KromaError("invalid", "This is not a link to a shared notebook.");
  // People paste whole messages.
  const [text = ""] = link.slice(start + INVITATION_PREFIX.length).split(/\s/, 1);
  if (text.length > MOST_LINK_LENGTH) throw new KromaError("invalid", "This link is too long to be one.");
  const value = decode(text);
  const version = (value as { v?: unknown }).v;
  if (typeof version === "number" && version > LINK_VERSION)
    throw new KromaError("invalid", "This link was made by a newer Kroma. Update this one, then open it again.", {
      details: { reason: "clientTooOld" },
    });
  const parsed = v.safeParse(linkSchema, value, { abortEarly: true });
  if (!parsed.success) throw new KromaError("invalid", "This link is damaged. Ask for it again.");
  const { v: _version, secret, ...rest } = parsed.output;
  if (rest.expires !== undefined && now > rest.expires + CLOCK_TOLERANCE)
    throw new KromaError(
      "invalid",
      `This invitation ended on ${day(rest.expires)}, and this device's clock says ${day(now)}. If the clock is right, ask for a new invitation.`,
      { details: { reason: "expired" } },
    );
  return { ...rest, secret: fromBase64Url(secret) };
}

function decode(text: string): object {
  const cut = "This link is not whole: it was cut off, or changed on the way. Copy all of it.";
  try {
    const json = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(fromBase64Url(text));
    const value: unknown = JSON.parse(json);
    if (typeof value === "object" && value !== null && canonicalJson(value) === json) return value;
  } catch {
    // What it was that failed says nothing to a person.
  }
  throw new KromaError("invalid", cut);
}

const day = (time: number): string => new Date(time).toISOString().slice(0, 10);
