/**
 * A pinning service of somebody else: the Pinning Service API 1.0.0 by its makers' client. What it answers is cut and checked, for
 * it may say anything; the token goes to its own address and nowhere else, and into no message.
 */
import { Configuration, RemotePinningServiceClient, type Status } from "@ipfs-shipyard/pinning-service-client";
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { parseCid } from "#core/store/cid.ts";

/** A pin at a service, as it says. */
export interface RemotePin {
  readonly requestid: string;
  readonly cid: string;
  readonly name: string | undefined;
  readonly status: "queued" | "pinning" | "pinned" | "failed";
  /** What it says about it, for a person. */
  readonly details: string;
  /** Multiaddrs of peers of the service. */
  readonly delegates: readonly string[];
}

/** What is to be pinned. */
export interface PinWish {
  readonly cid: string;
  readonly name?: string;
  /** Multiaddrs of who has the blocks. */
  readonly origins?: readonly string[];
}

export interface PinServiceOptions {
  /** The address of the API, without `/pins`. */
  readonly endpoint: string;
  readonly token: string;
  /** In place of the platform's. */
  readonly fetch?: typeof fetch;
}

const MOST_ANSWER = 1024 * 1024;
const PATIENCE = 30_000;
const PAGE = 1000;
const ALL: readonly string[] = ["queued", "pinning", "pinned", "failed"];

const text = (most: number) => v.pipe(v.string(), v.maxLength(most));
const pinSchema = v.object({
  requestid: v.pipe(text(512), v.minLength(1)),
  status: v.picklist(["queued", "pinning", "pinned", "failed"]),
  created: v.optional(text(64), ""),
  pin: v.object({ cid: text(512), name: v.nullish(text(255)) }),
  delegates: v.optional(v.array(text(512)), []),
  info: v.nullish(v.record(v.string(), v.unknown())),
});
const listSchema = v.object({ results: v.pipe(v.array(pinSchema), v.maxLength(1000)) });
const missingSchema = v.object({ missing: v.pipe(v.array(text(512)), v.maxLength(10_000)) });
const failureSchema = v.object({ error: v.object({ reason: text(2000), details: v.nullish(text(2000)) }) });

export class PinService {
  /** The host, for people. */
  readonly name: string;
  readonly endpoint: string;
  readonly #client: RemotePinningServiceClient;
  readonly #fetch: typeof fetch;
  readonly #token: string;

  /** `invalid` for an address or a token that is none. */
  constructor({ endpoint, token, fetch: own }: PinServiceOptions) {
    const url = URL.parse(endpoint);
    if (!url || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "")
      throw new KromaError("invalid", "The address of a pinning service starts with https:// or http://.");
    if (!/^[\x21-\x7e]{1,4096}$/.test(token))
      throw new KromaError("invalid", "The token of the pinning service is empty or has characters that no token has.");
    url.search = url.hash = "";
    this.endpoint = url.href.replace(/\/+$/, "");
    this.name = url.host;
    this.#token = token;
    this.#fetch = own ?? ((input, init) => fetch(input, init));
    this.#client = new RemotePinningServiceClient(
      new Configuration({
        endpointUrl: this.endpoint,
        accessToken: token,
        fetchApi: (input: RequestInfo | URL, request?: RequestInit) => this.#ask(input, request),
      }),
    );
  }

  /** Asks for a pin. `denied` or `exhausted` when the service says no, `unavailable` when it may say yes later. */
  async add(pin: PinWish, signal?: AbortSignal): Promise<RemotePin> {
    return this.#one(await this.#said(this.#client.pinsPostRaw({ pin: wishOf(pin) }, init(signal))), pin.cid);
  }

  /** The same pin asked for anew. */
  async replace(requestid: string, pin: PinWish, signal?: AbortSignal): Promise<RemotePin> {
    const asked = { requestid, pin: wishOf(pin) };
    return this.#one(await this.#said(this.#client.pinsRequestidPostRaw(asked, init(signal))), pin.cid);
  }

  /** How it stands; `missing` when the service knows of none. */
  async get(requestid: string, cid: string, signal?: AbortSignal): Promise<RemotePin> {
    return this.#one(await this.#said(this.#client.pinsRequestidGetRaw({ requestid }, init(signal))), cid);
  }

  /** Pins of that CID, whatever their state. */
  async find(cid: string, signal?: AbortSignal): Promise<readonly RemotePin[]> {
    const asked = { cid: [cid], status: [...ALL] as Status[], limit: 100 };
    const parsed = v.safeParse(listSchema, await this.#said(this.#client.pinsGetRaw(asked, init(signal))));
    if (!parsed.success) throw this.#strange();
    return parsed.output.results.filter(({ pin }) => isSame(pin.cid, cid)).map(remotePin);
  }

  /** All pins there, latest first, at most so many. */
  async list(most = 10_000, signal?: AbortSignal): Promise<readonly RemotePin[]> {
    const found: RemotePin[] = [];
    let before: Date | undefined;
    while (found.length < most) {
      const asked = { status: [...ALL] as Status[], limit: PAGE, ...(before ? { before } : {}) };
      const parsed = v.safeParse(listSchema, await this.#said(this.#client.pinsGetRaw(asked, init(signal))));
      if (!parsed.success) throw this.#strange();
      const { results } = parsed.output;
      found.push(...results.map(remotePin));
      const oldest = Math.min(...results.map(({ created }) => Date.parse(created)));
      // A service that turns no page would be asked for ever.
      if (results.length < PAGE || Number.isNaN(oldest) || (before && oldest >= before.getTime())) break;
      before = new Date(oldest);
    }
    return found.slice(0, most);
  }

  /** True when there was such a pin. */
  async remove(requestid: string, signal?: AbortSignal): Promise<boolean> {
    try {
      await this.#said(this.#client.pinsRequestidDeleteRaw({ requestid }, init(signal)));
      return true;
    } catch (error) {
      if (error instanceof KromaError && error.code === "missing") return false;
      throw error;
    }
  }

  /** True for a mirror of Kroma, which takes blocks along with the request; others fetch them from the origins. */
  async takesBlocks(signal?: AbortSignal): Promise<boolean> {
    try {
      const response = await this.#ask(this.#carAddress(), {
        method: "HEAD",
        headers: this.#authorised(),
        ...init(signal),
      });
      return response.status === 204;
    } catch (error) {
      if (error instanceof KromaError && error.code === "aborted") throw error;
      return false;
    }
  }

  /** Those of these blocks that a mirror of Kroma does not have; undefined where it can't say. */
  async missing(cids: readonly string[], signal?: AbortSignal): Promise<readonly string[] | undefined> {
    const request = {
      method: "POST",
      headers: { ...this.#authorised(), "Content-Type": "application/json" },
      body: JSON.stringify({ cids }),
      ...init(signal),
    };
    try {
      const asking = this.#ask(new URL("../kroma/missing", `${this.endpoint}/`).href, request);
      const parsed = v.safeParse(missingSchema, await this.#said(asking.then((raw) => ({ raw }))));
      if (!parsed.success) throw this.#strange();
      // What was not asked about is nobody's business.
      const asked = new Set(cids);
      return parsed.output.missing.filter((cid) => asked.has(cid));
    } catch (error) {
      // An older one, which takes everything once more.
      if (error instanceof KromaError && error.code === "missing") return undefined;
      throw error;
    }
  }

  /** Sends the blocks of a CAR file: a Blob in a page, a stream in Node. */
  async send(car: Blob | ReadableStream<Uint8Array>, signal?: AbortSignal): Promise<void> {
    const request = {
      method: "POST",
      headers: { ...this.#authorised(), "Content-Type": "application/vnd.ipld.car" },
      body: car as BodyInit,
      duplex: "half",
      ...(signal ? { signal } : {}),
    };
    await this.#said(this.#ask(this.#carAddress(), request, 24 * 3_600_000).then((raw) => ({ raw })));
  }

  #carAddress(): string {
    return new URL("../kroma/car", `${this.endpoint}/`).href;
  }

  #authorised(): Record<string, string> {
    return { Authorization: `Bearer ${this.#token}` };
  }

  async #ask(input: RequestInfo | URL, request: RequestInit = {}, patience = PATIENCE): Promise<Response> {
    const outer = request.signal ?? undefined;
    const wait = AbortSignal.timeout(patience);
    try {
      const response = await this.#fetch(input, {
        ...request,
        credentials: "omit",
        referrerPolicy: "no-referrer",
        // Led elsewhere, the token would go along.
        redirect: "error",
        signal: outer ? AbortSignal.any([outer, wait]) : wait,
      });
      const body = response.status === 204 || request.method === "HEAD" ? undefined : await bodyOf(response);
      const { status, statusText } = response;
      return new Response(body, { status, statusText, headers: { "Content-Type": "application/json" } });
    } catch (error) {
      if (error instanceof KromaError) throw error;
      if (outer?.aborted) throw new KromaError("aborted", "This was stopped.", { cause: error });
      throw new KromaError("unavailable", `${this.name} can't be reached.`, { cause: error });
    }
  }

  /** What it answers, as JSON; a refusal as a KromaError with its words. */
  async #said(asking: Promise<{ readonly raw: Response }>): Promise<unknown> {
    let response: Response;
    try {
      ({ raw: response } = await asking);
    } catch (error) {
      // The client throws the answer itself.
      if (!(error instanceof Response)) throw error;
      response = error;
    }
    const words = await response.text();
    if (!response.ok) throw await this.#refusal(response.status, words);
    return parse(words);
  }

  async #refusal(status: number, words: string): Promise<KromaError> {
    const parsed = v.safeParse(failureSchema, parse(words));
    const { reason, details } = parsed.success ? parsed.output.error : { reason: String(status), details: undefined };
    const said = (details ?? reason)
      .replaceAll(/[\p{Cc}\s]+/gu, " ")
      .replaceAll(this.#token, "…")
      .slice(0, 300);
    if (status === 404) return new KromaError("missing", `${this.name} knows of no such pin.`);
    if (status === 401 || status === 403)
      return new KromaError("denied", `${this.name} does not take the token: ${said}`);
    if (status === 429 || status >= 500) return new KromaError("unavailable", `${this.name} can't just now: ${said}`);
    return new KromaError(status === 409 || status === 413 ? "exhausted" : "denied", `${this.name} says no: ${said}`);
  }

  #one(value: unknown, cid: string): RemotePin {
    const parsed = v.safeParse(pinSchema, value);
    if (!parsed.success || !isSame(parsed.output.pin.cid, cid)) throw this.#strange();
    return remotePin(parsed.output);
  }

  #strange(): KromaError {
    return new KromaError("unavailable", `${this.name} answers something that no pinning service answers.`);
  }
}

const init = (signal: AbortSignal | undefined): RequestInit => (signal ? { signal } : {});

function wishOf({ cid, name, origins }: PinWish): { cid: string; name?: string; origins?: string[] } {
  return {
    cid,
    ...(name === undefined ? {} : { name: name.slice(0, 255) }),
    ...(origins ? { origins: origins.slice(0, 20) } : {}),
  };
}

function remotePin({ requestid, status, pin, delegates, info }: v.InferOutput<typeof pinSchema>): RemotePin {
  const details = info?.["status_details"];
  return {
    requestid,
    cid: pin.cid,
    name: pin.name ?? undefined,
    status,
    details: typeof details === "string" ? details.slice(0, 300) : "",
    delegates,
  };
}

function isSame(left: string, right: string): boolean {
  try {
    return parseCid(left).toV1().toString() === parseCid(right).toV1().toString();
  } catch {
    return false;
  }
}

async function bodyOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let [words, length] = ["", 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return words + decoder.decode();
    length += value.length;
    if (length > MOST_ANSWER) {
      await reader.cancel();
      throw new KromaError("unavailable", "The pinning service sends more than an answer may have.");
    }
    words += decoder.decode(value, { stream: true });
  }
}

function parse(words: string): unknown {
  try {
    return JSON.parse(words);
  } catch {
    return undefined;
  }
}
