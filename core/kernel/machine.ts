/**
 * What runs on a kernel's machine beside its cells and terminals, and requests to the servers among it. The rules are
 * K15 to K18 of messages.ts. What a server answers is untrusted; requests are checked where they come in, because who
 * asks may be somebody else one day (a peer who looks at the same preview).
 */
import * as v from "valibot";

/** Bytes of an answer's body that may be under way and not given back by `http_taken` (K17). */
export const HTTP_WINDOW = 1024 * 1024;
/** Most bytes of a request's body. */
export const HTTP_REQUEST_BODY = 16 * 1024 * 1024;
/** Most bytes of one `http_send`. */
export const HTTP_SEND = 1024 * 1024;

const id = v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/));
const token = v.pipe(v.string(), v.regex(/^[\w!#$%&'*+.^`|~-]{1,128}$/));
/** Visible characters: a request line ends at a blank. */
const path = v.pipe(v.string(), v.regex(/^\/[\u0021-\u007e]{0,16383}$/));
// oxlint-disable-next-line no-control-regex -- they would end the header
const headerValue = v.pipe(v.string(), v.regex(/^[^\u0000-\u0008\u000a-\u001f\u007f]{0,16384}$/));

/** A host that the machine's programs may reach: "example.org", "example.org:8080", "*.example.org". */
const hostName = v.pipe(
  v.string(),
  v.regex(/^(?:\*\.)?[\w.-]{1,253}(?::\d{1,5})?$|^\[[\da-f:.]{2,45}\](?::\d{1,5})?$/i),
);

/** True for what names such a host. */
export const isHostName = (text: string): boolean => v.is(hostName, text);

const toMachine = v.variant("type", [
  v.object({ type: v.literal("job_end"), pid: v.pipe(v.number(), v.integer(), v.minValue(2)) }),
  v.object({
    type: v.literal("http_request"),
    id,
    port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535)),
    method: token,
    path,
    headers: v.pipe(v.array(v.tuple([token, headerValue])), v.maxLength(64)),
    body: v.optional(v.pipe(v.instance(Uint8Array), v.maxLength(HTTP_REQUEST_BODY))),
    /** The protocol that the connection shall go over to (RFC 9110, 7.8). */
    upgrade: v.optional(v.literal("websocket")),
  }),
  v.object({
    type: v.literal("http_send"),
    parent: id,
    data: v.pipe(v.instance(Uint8Array), v.maxLength(HTTP_SEND)),
  }),
  v.object({
    type: v.literal("http_taken"),
    parent: id,
    bytes: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(HTTP_WINDOW)),
  }),
  v.object({ type: v.literal("http_cancel"), parent: id }),
  v.object({ type: v.literal("web_hosts"), hosts: v.pipe(v.array(hostName), v.maxLength(1000)) }),
]);

/**
 * Ends a job; asks a server of the machine for something (`path` with its query), takes its answer, gives it up, sends more
 * once the server has agreed to another protocol; says which hosts of the web its programs may reach.
 */
export type ToMachine = Readonly<v.InferOutput<typeof toMachine>>;

/** The message, if it is one that may be sent to a machine. */
export function readToMachine(message: unknown): ToMachine | undefined {
  const result = v.safeParse(toMachine, message);
  return result.success ? result.output : undefined;
}

/** A job that cells left in the background: its process, what it is called, and since when it runs (Unix ms). */
export interface Job {
  readonly pid: number;
  readonly name: string;
  readonly since: number;
}

export interface MachineActivity {
  readonly type: "machine_activity";
  /** TCP ports of the machine's loopback on which something listens, ascending. */
  readonly ports: readonly number[];
  readonly jobs: readonly Job[];
}
export interface PortOpen {
  readonly type: "port_open";
  readonly port: number;
  readonly path: string;
}
/** A program wanted to reach a host that is not allowed. */
export interface WebWanted {
  readonly type: "web_wanted";
  readonly host: string;
}
export interface HttpResponse {
  readonly type: "http_response";
  readonly parent: string;
  readonly status: number;
  /** In the order they came; names in small letters. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}
export interface HttpData {
  readonly type: "http_data";
  readonly parent: string;
  readonly data: Uint8Array;
}
export interface HttpEnd {
  readonly type: "http_end";
  readonly parent: string;
  /** What failed, as a sentence. */
  readonly error?: string;
}

export type FromMachine = MachineActivity | PortOpen | WebWanted | HttpResponse | HttpData | HttpEnd;
