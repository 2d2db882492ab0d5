/**
 * The inside of a service whose work a worker program does: what it is asked over its channel, and its answers. Its outside is
 * program-service.ts.
 */
import type { HubToken } from "../store/fetched.ts";
import { type GenericSchema, safeParse } from "valibot";
import type { Channel } from "../base/channel.ts";
import { KromaError, toWireError, type WireError } from "../base/errors.ts";
import type { AskedContent, ServiceAnswer, ServiceProgress, ServiceReply } from "./services.ts";

/** To the worker program. The first message is a ProgramInit. */
export type ToProgram =
  | {
      readonly type: "call";
      readonly id: string;
      readonly client: string;
      readonly method: string;
      readonly value: unknown;
      readonly buffers: readonly ArrayBuffer[];
    }
  | { readonly type: "cancel"; readonly call: string }
  | { readonly type: "leave"; readonly client: string }
  /** The person's model hub, from now on. */
  | { readonly type: "hub"; readonly hub: string | undefined }
  /** What they sign in with at hubs, from now on; told only to programs that fetch from there. */
  | { readonly type: "tokens"; readonly tokens: readonly HubToken[] }
  /** What the notebook's people offer of an address, or a block that they gave. */
  | {
      readonly type: "peers";
      readonly parent: string;
      readonly cids?: readonly string[];
      readonly bytes?: Uint8Array;
    }
  /** Of content that was asked for: how far it is, and in the end its bytes, or why there are none. */
  | { readonly type: "content_progress"; readonly parent: string; readonly bytes: number; readonly total: number }
  | {
      readonly type: "content";
      readonly parent: string;
      readonly bytes?: Uint8Array<ArrayBuffer>;
      readonly error?: WireError;
    };

/** What a program is told at its start. */
export interface ProgramInit {
  readonly type: "init";
  /** URL under which shipped files are, ending in "/". */
  readonly assets: string;
  readonly workspace: SharedArrayBuffer | undefined;
  /** Nothing is fetched from the web. */
  readonly isOffline: boolean;
}

/** From the worker program. */
export type FromProgram =
  /** `broken`: the worker is of no use after this answer. */
  | (ServiceReply & { readonly broken?: true })
  | ServiceProgress
  /** For content by its CID, which the outside can reach; given up by content_cancel. */
  | { readonly type: "content_request"; readonly id: string; readonly asked: AskedContent }
  | { readonly type: "content_cancel"; readonly request: string }
  /** What the notebook's people offer of an address, or for a block of it. */
  | {
      readonly type: "peers_request";
      readonly id: string;
      readonly question: { readonly url: string } | { readonly cid: string };
    }
  /** The file of an address is here now. */
  | { readonly type: "file_kept"; readonly url: string; readonly cid: string; readonly size: number };

/** A request with what it came with. */
export interface Asked {
  readonly client: string;
  readonly value: unknown;
  readonly buffers: readonly ArrayBuffer[];
  readonly signal: AbortSignal;
  /** Tells how far it is. */
  readonly onProgress: (value: unknown) => void;
}

/** What a method does. */
export type Method = (asked: Asked) => Promise<ServiceAnswer>;

/** The value, once it is what the schema says; `invalid` otherwise. */
export function checked<Out>(schema: GenericSchema<unknown, Out>, value: unknown): Out {
  const result = safeParse(schema, value);
  if (result.success) return result.output;
  throw new KromaError("invalid", `This request is not one: ${result.issues[0].message}.`);
}

/** What a program does. */
export interface ServedProgram {
  /** As cells write it: "kroma.ml". */
  readonly name: string;
  readonly methods: Readonly<Record<string, Method>>;
  readonly leave: (client: string) => void;
  /** True when the program can't be trusted any more after this failure: it is ended, and started again for the next call. */
  readonly isFatal: (error: unknown) => boolean;
}

/** Answers what comes over the channel until it closes. */
export function serveProgram(
  channel: Channel<ToProgram, FromProgram>,
  { name, methods, leave, isFatal }: ServedProgram,
): void {
  const open = new Map<string, AbortController>();
  const answer = async (call: Extract<ToProgram, { type: "call" }>): Promise<void> => {
    const { id: parent, method, client, value, buffers } = call;
    const abort = new AbortController();
    open.set(parent, abort);
    try {
      const perform = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (!perform) throw new KromaError("invalid", `${name} has no "${method}".`);
      const onProgress = (progress: unknown): void =>
        channel.send({ type: "service_progress", parent, value: progress });
      const result = await perform({ client, value, buffers, signal: abort.signal, onProgress });
      const moved = result.buffers ?? [];
      channel.send({ type: "service_reply", parent, value: result.value, buffers: moved }, moved);
    } catch (error) {
      const broken = isFatal(error) || isFatal((error as { cause?: unknown }).cause);
      channel.send({ type: "service_reply", parent, error: toWireError(error), ...(broken ? { broken } : {}) });
    } finally {
      open.delete(parent);
    }
  };
  channel.receive((message) => {
    if (message.type === "call") void answer(message);
    else if (message.type === "leave") leave(message.client);
    else if (message.type === "cancel") open.get(message.call)?.abort(new KromaError("aborted", "It was given up."));
  });
}
