/**
 * What the program in a preview's frame (shim.ts) and the panel around it say to each other. What comes from a frame is
 * untrusted: it is read by `readFromFrame` before anything is done for it.
 */
import * as v from "valibot";
import { HTTP_REQUEST_BODY, HTTP_WINDOW } from "#core/kernel/machine.ts";

/** What the panel tells a page's program at its start. */
export interface ShimConfig {
  /** Marks messages of this page. */
  readonly nonce: string;
  /** The page's address, as the frame knows it. */
  readonly url: string;
  readonly cookies: string;
  /** Frames around this one, up to the one that the panel shows; that one has 0. */
  readonly depth: number;
  readonly refresh?: { readonly seconds: number; readonly url: string };
}

const url = v.pipe(v.string(), v.maxLength(20_000));
const pair = v.tuple([v.pipe(v.string(), v.maxLength(128)), v.pipe(v.string(), v.maxLength(16_384))]);
const body = v.optional(v.pipe(v.instance(Uint8Array<ArrayBuffer>), v.maxLength(HTTP_REQUEST_BODY)));
const id = v.pipe(v.number(), v.integer());
const name = v.pipe(
  v.string(),
  v.transform((text) => text.slice(0, 200)),
);
const fromFrame = v.variant("type", [
  v.object({ type: v.literal("ready"), title: name }),
  v.object({ type: v.literal("title"), title: name }),
  v.object({
    type: v.literal("fetch"),
    id,
    url,
    method: v.pipe(v.string(), v.maxLength(32)),
    headers: v.pipe(v.array(pair), v.maxLength(60)),
    body,
  }),
  v.object({
    type: v.literal("taken"),
    id,
    bytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(HTTP_WINDOW)),
  }),
  v.object({ type: v.literal("cancel"), id }),
  v.object({
    type: v.literal("socket"),
    id,
    url,
    protocols: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[\w!#$%&'*+.^`|~-]{1,128}$/))), v.maxLength(20)),
  }),
  v.object({
    type: v.literal("socket_send"),
    id,
    data: v.union([
      v.pipe(v.string(), v.maxLength(HTTP_REQUEST_BODY)),
      v.pipe(v.instance(Uint8Array<ArrayBuffer>), v.maxLength(HTTP_REQUEST_BODY)),
    ]),
  }),
  v.object({
    type: v.literal("socket_close"),
    id,
    code: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1000), v.maxValue(4999))),
    reason: v.pipe(v.string(), v.maxLength(123)),
  }),
  v.object({ type: v.literal("cookie"), text: v.pipe(v.string(), v.maxLength(4096)) }),
  v.object({
    type: v.literal("navigate"),
    url,
    /** A frame by its name, or `_self`, `_parent`, `_top`; absent: the page's own. */
    target: v.optional(name),
    replace: v.optional(v.boolean()),
    body,
    contentType: v.optional(v.pipe(v.string(), v.maxLength(300))),
  }),
  v.object({ type: v.literal("frame"), id, url, name }),
  v.object({ type: v.literal("frame_gone"), id }),
  v.object({ type: v.literal("state"), url, state: v.unknown(), replace: v.boolean() }),
  v.object({ type: v.literal("go"), by: id }),
  v.object({ type: v.literal("outside"), url }),
]);

/** What the frame says. A `frame` is one inside the page, which is to be filled; its id is the page's for that element. */
export type FromFrame = Readonly<v.InferOutput<typeof fromFrame>>;

/** The message, if it is one that a frame may send. */
export function readFromFrame(message: unknown): FromFrame | undefined {
  const read = v.safeParse(fromFrame, message);
  return read.success ? read.output : undefined;
}

/** What the panel says. A body comes in pieces, and no more than HTTP_WINDOW bytes before the frame has said `taken`. */
export type ToFrame =
  | {
      readonly type: "head";
      readonly id: number;
      readonly url: string;
      readonly status: number;
      readonly headers: readonly (readonly [string, string])[];
      readonly cookies: string;
    }
  | { readonly type: "data"; readonly id: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "end"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly message: string }
  | { readonly type: "socket_open"; readonly id: number; readonly protocol: string }
  | { readonly type: "socket_message"; readonly id: number; readonly data: string | Uint8Array<ArrayBuffer> }
  | {
      readonly type: "socket_closed";
      readonly id: number;
      readonly code: number;
      readonly reason: string;
      readonly isClean: boolean;
    }
  | { readonly type: "framed"; readonly id: number; readonly source: string }
  | { readonly type: "download"; readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: "popstate"; readonly url: string; readonly state: unknown };
