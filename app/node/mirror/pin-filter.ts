/** Which of somebody's requests a list asks for, by the parameters of the Pinning Service API. Pure. */
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { parseCid } from "#core/store/cid.ts";
import { HttpRefusal } from "./gateway-request.ts";
import type { PinRequest } from "./pin-requests.ts";

const filterSchema = v.object({
  cid: v.pipe(v.array(v.pipe(v.string(), v.maxLength(512))), v.maxLength(10)),
  name: v.optional(v.pipe(v.string(), v.maxLength(255))),
  match: v.optional(v.picklist(["exact", "iexact", "partial", "ipartial"]), "exact"),
  status: v.array(v.picklist(["queued", "pinning", "pinned", "failed"])),
  before: v.optional(v.pipe(v.string(), v.transform(Date.parse), v.integer())),
  after: v.optional(v.pipe(v.string(), v.transform(Date.parse), v.integer())),
  limit: v.optional(v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(1), v.maxValue(1000)), "10"),
  meta: v.optional(v.record(v.string(), v.string())),
});

/** Those that fit, as many as were asked for, and how many there are. Throws `HttpRefusal` for parameters that are none. */
export function chosenPins(
  all: readonly PinRequest[],
  search: URLSearchParams,
): { readonly count: number; readonly results: readonly PinRequest[] } {
  const filter = readFilter(search);
  const statuses = filter.status.length > 0 ? filter.status : ["pinned"];
  const cids = new Set(filter.cid.map(keyOf));
  const fit = all.filter(
    ({ pin, status, created }) =>
      statuses.includes(status) &&
      (cids.size === 0 || cids.has(keyOf(pin.cid))) &&
      (filter.name === undefined || fits(pin.name ?? "", filter.name, filter.match)) &&
      (filter.before === undefined || created < filter.before) &&
      (filter.after === undefined || created > filter.after) &&
      Object.entries(filter.meta ?? {}).every(([key, value]) => pin.meta?.[key] === value),
  );
  return { count: fit.length, results: fit.slice(0, Number(filter.limit)) };
}

function readFilter(search: URLSearchParams): v.InferOutput<typeof filterSchema> {
  const list = (name: string) => search.getAll(name).flatMap((value) => value.split(","));
  const one = (name: string) => search.get(name) ?? undefined;
  try {
    const meta = one("meta");
    return v.parse(filterSchema, {
      cid: list("cid"),
      name: one("name"),
      match: one("match"),
      status: list("status"),
      before: one("before"),
      after: one("after"),
      limit: one("limit"),
      meta: meta === undefined ? undefined : JSON.parse(meta),
    });
  } catch (error) {
    const what = error instanceof v.ValiError ? (v.getDotPath(error.issues[0]) ?? "") : "meta";
    throw new HttpRefusal(400, `The parameter "${what}" is not as it should be.`);
  }
}

function keyOf(cid: string): string {
  try {
    return parseCid(cid).toV1().toString();
  } catch (error) {
    if (error instanceof KromaError) throw new HttpRefusal(400, error.message);
    throw error;
  }
}

function fits(name: string, wanted: string, match: "exact" | "iexact" | "partial" | "ipartial"): boolean {
  const [a, b] = match.startsWith("i") ? [name.toLowerCase(), wanted.toLowerCase()] : [name, wanted];
  return match.endsWith("partial") ? a.includes(b) : a === b;
}
