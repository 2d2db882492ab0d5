/**
 * One pin at one service, on its way: a step asks the service what there is to ask, and says how it stands and when to step again.
 * Whoever keeps it (a list in a browser, the command line) steps until it is done; a service that changes its mind starts it anew.
 */
import { KromaError } from "#core/base/errors.ts";
import type { PinService, RemotePin } from "./service.ts";

/** A pin that is wanted at a service. Plain data, to be kept as it is. */
export interface WantedPin {
  /** The service's endpoint. */
  readonly service: string;
  readonly cid: string;
  readonly name?: string;
  readonly origins?: readonly string[];
  /** As the service calls it; absent while it was not asked. */
  readonly requestid?: string;
  /** `refused`: it said no, and is asked no more by itself. */
  readonly status: "waiting" | "queued" | "pinning" | "pinned" | "refused";
  /** What there is to say about it, for a person. */
  readonly details: string;
  /** Steps in a row that came to nothing. */
  readonly failures: number;
  /** Steps since it was asked for, while the service is at it. */
  readonly polls?: number;
  /** Unix time in milliseconds of the next step; undefined when there is none. */
  readonly next?: number;
}

/** Gives the service the blocks, when it takes them. */
export type SendBlocks = (service: PinService, cid: string, signal?: AbortSignal) => Promise<void>;

const SECOND = 1000;
/** While it is under way, and up to a minute; after failures, each pause twice the one before, up to the most. */
const POLL = SECOND;
const MOST_POLL = 60 * SECOND;
const MOST_PAUSE = 3600 * SECOND;
/** So often it is looked whether it still is. */
const CHECK = 6 * 3600 * SECOND;
/** A service that fails a pin so often is not asked again by itself. */
const MOST_FAILURES = 12;

/** A pin that nobody was asked for yet. */
export function wantPin(
  service: string,
  wish: { readonly cid: string; readonly name?: string; readonly origins?: readonly string[] },
  now: number,
): WantedPin {
  return { service, ...wish, status: "waiting", details: "", failures: 0, next: now };
}

/** The next step. Rejects only with `aborted`. */
export async function stepPin(
  pin: WantedPin,
  service: PinService,
  now: () => number,
  send?: SendBlocks,
  signal?: AbortSignal,
): Promise<WantedPin> {
  try {
    const said = await ask(pin, service, send, signal);
    if (said === undefined)
      return { ...without(pin), status: "waiting", details: `${service.name} has it no more.`, next: now() };
    return said.status === "failed" ? failed(pin, said, service, now()) : went(pin, said, now());
  } catch (error) {
    if (!(error instanceof KromaError) || error.code === "aborted") throw error;
    const isNo = error.code === "denied" || error.code === "exhausted" || error.code === "invalid";
    return isNo ? refused(pin, error.message) : later(pin, error.message, now());
  }
}

/** How it stands now; undefined when the service lost it. */
async function ask(
  pin: WantedPin,
  service: PinService,
  send: SendBlocks | undefined,
  signal: AbortSignal | undefined,
): Promise<RemotePin | undefined> {
  if (pin.requestid !== undefined) {
    try {
      return await service.get(pin.requestid, pin.cid, signal);
    } catch (error) {
      if (error instanceof KromaError && error.code === "missing") return undefined;
      throw error;
    }
  }
  // It may have been asked before the answer was lost.
  const known = await service.find(pin.cid, signal);
  const usable = known.find(({ status }) => status !== "failed");
  if (usable) return usable;
  await send?.(service, pin.cid, signal);
  const broken = known[0];
  return broken ? service.replace(broken.requestid, pin, signal) : service.add(pin, signal);
}

function went(pin: WantedPin, said: RemotePin, now: number): WantedPin {
  const isDone = said.status === "pinned";
  const { status } = said as { status: "queued" | "pinning" | "pinned" };
  const polls = isDone ? 0 : (pin.polls ?? 0) + 1;
  return {
    ...pin,
    requestid: said.requestid,
    status,
    details: said.details,
    failures: isDone ? 0 : pin.failures,
    polls,
    next: now + (isDone ? CHECK : Math.min(MOST_POLL, POLL * 1.3 ** polls)),
  };
}

function failed(pin: WantedPin, said: RemotePin, service: PinService, now: number): WantedPin {
  const why = said.details === "" ? "it does not say why" : said.details;
  return later(without(pin), `${service.name} could not pin it: ${why}`, now);
}

function later(pin: WantedPin, details: string, now: number): WantedPin {
  const failures = pin.failures + 1;
  if (failures > MOST_FAILURES) return refused({ ...pin, failures }, details);
  return { ...pin, status: "waiting", details, failures, next: now + Math.min(MOST_PAUSE, SECOND * 2 ** failures) };
}

function refused(pin: WantedPin, details: string): WantedPin {
  const { next: _next, ...rest } = pin;
  return { ...rest, status: "refused", details };
}

/** The pin as if it had not been asked for yet. */
function without(pin: WantedPin): WantedPin {
  const { requestid: _requestid, ...rest } = pin;
  return rest;
}
