/** What a refusal of an endpoint means, in words and a code that a caller can act on. The key never gets into a sentence. */
import { KromaError, type KromaErrorCode } from "#core/base/errors.ts";
import { readFailure } from "#core/chat/wire.ts";

/** Longest wait that is passed on, in seconds: a day. */
const LONGEST_WAIT = 86_400;

/** The error that an answer with this status stands for. `now` is in Unix milliseconds. */
export function failureOf(
  response: { readonly status: number; readonly headers: Headers },
  body: string,
  facts: { readonly place: string; readonly key: string; readonly model: string; readonly now: number },
): KromaError {
  const { place, key, model } = facts;
  const { status } = response;
  const said = readFailure(body);
  const because = said === undefined ? "" : ` It says: ${withoutKey(said, key)}`;
  const retryAfter =
    status === 429 || status === 503 ? waitOf(response.headers.get("retry-after"), facts.now) : undefined;
  const fail = (code: KromaErrorCode, sentence: string): KromaError =>
    new KromaError(code, sentence + because, {
      details: { status, ...(retryAfter === undefined ? {} : { retryAfter }) },
    });
  if (status === 401 || status === 403) {
    return fail("denied", key === "" ? `${place} wants a key, and none is set.` : `${place} does not accept this key.`);
  }
  if (status === 404) {
    return fail("missing", `${place} has no chat completions at this address, or no model “${model}”.`);
  }
  if (status === 429) {
    const wait = retryAfter === undefined ? "a little later" : `in ${Math.ceil(retryAfter)} s`;
    return fail("unavailable", `${place} takes no more requests for now. Try again ${wait}.`);
  }
  if (status >= 500) return fail("unavailable", `${place} has failed (${status}).`);
  if (status >= 400) return fail("invalid", `${place} does not accept the request (${status}).`);
  return fail("corrupt", `${place} answered with status ${status}, which is no answer to a chat.`);
}

/** A text in which the key is not to be found, not even most of it. */
export function withoutKey(text: string, key: string): string {
  if (key === "") return text;
  const whole = text.replaceAll(key, "[key]");
  // Some servers say a key back with its middle starred out.
  if (key.length < 8) return whole;
  const start = key.slice(0, 6).replaceAll(/\W/g, String.raw`\$&`);
  return whole.replaceAll(new RegExp(`${start}\\S*`, "g"), "[key]");
}

/** Retry-After: seconds or a date (RFC 9110, 10.2.3). */
function waitOf(header: string | null, now: number): number | undefined {
  if (header === null) return undefined;
  const seconds = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - now) / 1000;
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), LONGEST_WAIT) : undefined;
}
