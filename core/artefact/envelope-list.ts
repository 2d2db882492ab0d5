/** Which signatures of a root a mirror knows of. It may say anything: each is looked at before it is believed. */
import * as v from "valibot";
import { parseCid } from "../store/cid.ts";
import type { GatewayOptions } from "../store/gateway.ts";

const MOST_BYTES = 64 * 1024;
const PATIENCE = 5000;
const schema = v.pipe(v.array(v.pipe(v.string(), v.maxLength(200))), v.maxLength(1000));

/** CIDs of envelopes that those mirrors name for the root; one that can't be asked names none. */
export async function knownEnvelopes(
  root: string,
  mirrors: readonly string[],
  options: GatewayOptions & { readonly signal?: AbortSignal } = {},
): Promise<readonly string[]> {
  const lists = await Promise.all(mirrors.map((address) => askMirror(address, root, options)));
  return [...new Set(lists.flat())];
}

async function askMirror(
  address: string,
  root: string,
  { fetch: ask = fetch, patience = PATIENCE, signal }: GatewayOptions & { readonly signal?: AbortSignal },
): Promise<readonly string[]> {
  try {
    const limit = AbortSignal.timeout(Math.min(patience, PATIENCE));
    const response = await ask(`${address}/kroma/envelopes/${root}`, {
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const type = response.headers.get("content-type") ?? "";
    if (!response.ok || !response.body || !type.includes("json")) {
      await response.body?.cancel();
      return [];
    }
    const text = await readText(response.body);
    return v.parse(schema, JSON.parse(text)).map((cid) => parseCid(cid).toV1().toString());
  } catch {
    // A gateway that is no mirror knows of none, which is no trouble: the signature may be named otherwise.
    return [];
  }
}

async function readText(body: ReadableStream<Uint8Array>): Promise<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let text = "";
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    length += value.length;
    if (length > MOST_BYTES) {
      await reader.cancel();
      throw new Error("too long");
    }
    text += decoder.decode(value, { stream: true });
  }
}
