/** Records of names from and to others over HTTP (https://specs.ipfs.tech/routing/http-routing-v1/, IPNS). */
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";
import { MOST_RECORD_BYTES, parseName, readRecord, type NameRecord } from "./record.ts";

export const RECORD_TYPE = "application/vnd.ipfs.ipns-record";

const PATIENCE = 15_000;

/** The record of a name as that server has it, checked; undefined when it knows none. */
export async function fetchRecord(
  server: string,
  name: string,
  now: number,
  signal?: AbortSignal,
): Promise<NameRecord | undefined> {
  const response = await ask(server, name, { headers: { Accept: RECORD_TYPE } }, signal);
  if (response.status === 404 || response.status === 410) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok || !response.body) {
    await response.body?.cancel();
    throw new KromaError("unavailable", `${new URL(server).host} answers ${response.status}.`);
  }
  return readRecord(name, await bodyOf(response.body), now);
}

/** Gives the record to that server. `denied` or `unavailable` when it does not take it. */
export async function sendRecord(server: string, record: NameRecord, signal?: AbortSignal): Promise<void> {
  const response = await ask(
    server,
    record.name,
    { method: "PUT", headers: { "Content-Type": RECORD_TYPE }, body: record.bytes.slice() },
    signal,
  );
  await response.body?.cancel();
  if (response.ok) return;
  const code = response.status >= 500 || response.status === 429 ? "unavailable" : "denied";
  throw new KromaError(code, `${new URL(server).host} did not take the record (${response.status}).`);
}

async function ask(server: string, name: string, request: RequestInit, signal?: AbortSignal): Promise<Response> {
  const base = URL.parse(server);
  if (!base || !/^https?:$/.test(base.protocol))
    throw new KromaError("invalid", `"${server.slice(0, 100)}" is no web address.`);
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  const patience = AbortSignal.timeout(PATIENCE);
  try {
    return await fetch(new URL(`routing/v1/ipns/${parseName(name)}`, base), {
      ...request,
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
  } catch (error) {
    if (signal?.aborted) throw new KromaError("aborted", "This was stopped.", { cause: error });
    throw new KromaError("unavailable", `${base.host} can't be reached.`, { cause: error });
  }
}

async function bodyOf(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) {
    length += piece.length;
    if (length > MOST_RECORD_BYTES) throw new KromaError("corrupt", "What came is too large for a record of a name.");
    pieces.push(piece);
  }
  return concatenate(pieces);
}
