/** What the engine's worker is asked, and its answers: each request is checked here, once, and then carried out. */
import {
  custom,
  type GenericSchema,
  maxLength,
  maxValue,
  minValue,
  number,
  object,
  optional,
  pipe,
  safeParse,
  string,
} from "valibot";
import { readModelAddress, modelAddressText } from "#core/artefact/model-address.ts";
import { KromaError, toWireError, type WireError } from "#core/base/errors.ts";
import type { Channel } from "#core/base/channel.ts";
import type { AskedContent, ServiceAnswer, ServiceProgress, ServiceReply } from "#core/kernel/services.ts";
import type { Engine } from "./engine.ts";
import { isFatal } from "./failures.ts";
import { type WireTensor, wireTensors } from "./tensors.ts";

/** To the engine's worker. The first message is an EngineInit. */
export type ToEngine =
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
  /** Of content that was asked for: how far it is, and in the end its bytes, or why there are none. */
  | { readonly type: "content_progress"; readonly parent: string; readonly bytes: number; readonly total: number }
  | {
      readonly type: "content";
      readonly parent: string;
      readonly bytes?: Uint8Array<ArrayBuffer>;
      readonly error?: WireError;
    };

export interface EngineInit {
  readonly type: "init";
  /** URL under which shipped files are, ending in "/". */
  readonly assets: string;
  readonly workspace: SharedArrayBuffer | undefined;
  /** Nothing is fetched from the web. */
  readonly isOffline: boolean;
}

export type FromEngine =
  /** `broken`: the worker is of no use after this answer. */
  | (ServiceReply & { readonly broken?: true })
  | ServiceProgress
  /** For content by its CID, which the outside can reach; given up by content_cancel. */
  | { readonly type: "content_request"; readonly id: string; readonly asked: AskedContent }
  | { readonly type: "content_cancel"; readonly request: string };

const LONGEST_SOURCE = 4096;
const sourceText = pipe(string(), maxLength(LONGEST_SOURCE));
const sourceRequest = object({ source: sourceText });
const loadRequest = object({ source: sourceText, file: optional(sourceText), revision: optional(sourceText) });
const runRequest = object({ session: string(), tensors: wireTensors });
const openRequest = object({ source: sourceText, unless: optional(sourceText) });
const releaseRequest = object({ session: string() });
const arraysRequest = object({ source: sourceText, tensors: wireTensors });
const pictureRequest = object({ source: optional(sourceText) });
const soundRequest = object({
  source: optional(sourceText),
  threshold: optional(pipe(number(), minValue(0), maxValue(1)), 0.5),
  pause: optional(pipe(number(), minValue(0), maxValue(3600)), 0.3),
});
const commandRequest = object({
  words: custom<readonly string[]>((value) => Array.isArray(value) && value.every((word) => typeof word === "string")),
  directory: optional(sourceText, "/workspace"),
});

/** A request with what it came with. */
export interface Asked {
  readonly client: string;
  readonly value: unknown;
  readonly buffers: readonly ArrayBuffer[];
  readonly signal: AbortSignal;
  /** Tells how far it is. */
  readonly onProgress: (value: unknown) => void;
}

/** What a method does beside those of the engine itself. */
export type Method = (asked: Asked) => Promise<ServiceAnswer>;

/** The engine's own methods. */
export function engineMethods(engine: Engine, hub: () => string | undefined): Readonly<Record<string, Method>> {
  return {
    load: async ({ client, value, buffers, signal, onProgress }) => {
      const source = sourceOf(checked(loadRequest, value), hub());
      return { value: await engine.load(client, source, buffers[0], signal, onProgress) };
    },
    run: async ({ client, value, buffers, signal }) => {
      const { session, tensors } = checked(runRequest, value);
      const outputs = await engine.run(client, session, { tensors, buffers }, signal);
      return { value: { tensors: outputs.tensors }, buffers: outputs.buffers };
    },
    release: ({ client, value }) => {
      engine.release(client, checked(releaseRequest, value).session);
      return Promise.resolve({ value: undefined });
    },
    status: () => Promise.resolve({ value: engine.status() }),
  };
}

/** The source, address or path that a request is about. */
export const addressOf = (value: unknown): string => checked(sourceRequest, value).source;

/** One text for a source whose file or revision is told beside it. */
function sourceOf(
  {
    source,
    file,
    revision,
  }: { readonly source: string; readonly file?: string | undefined; readonly revision?: string | undefined },
  hub: string | undefined,
): string {
  if (file === undefined && revision === undefined) return source;
  const address = readModelAddress(source, { hub, file, revision });
  if (address) return modelAddressText(address);
  return file === undefined ? source : `${source.replace(/\/+$/, "")}/${file}`;
}

/** The path of a sound and how speech in it is told from silence, from a request that may bring its bytes instead. */
export const soundOf = (
  value: unknown,
): { readonly source?: string | undefined; readonly threshold: number; readonly pause: number } =>
  checked(soundRequest, value);

/** The source of a model whose file is wanted, from a request; `unless` is the fingerprint of what the asker has. */
export const openedOf = (value: unknown): { readonly source: string; readonly unless?: string | undefined } =>
  checked(openRequest, value);

/** The path of a picture, from a request that may bring its bytes instead. */
export const pictureOf = (value: unknown): { readonly source?: string | undefined } => checked(pictureRequest, value);

/** Where arrays are to be written, and which, from a request. */
export const arraysOf = (value: unknown): { readonly source: string; readonly tensors: readonly WireTensor[] } =>
  checked(arraysRequest, value);

/** A shell command's words and where it was typed, from a request. */
export const commandOf = (value: unknown): { readonly words: readonly string[]; readonly directory: string } =>
  checked(commandRequest, value);

/** The value, once it is what the schema says; `invalid` otherwise. */
export function checked<Out>(schema: GenericSchema<unknown, Out>, value: unknown): Out {
  const result = safeParse(schema, value);
  if (result.success) return result.output;
  throw new KromaError("invalid", `This request is not one: ${result.issues[0].message}.`);
}

/** Answers what comes over the channel until it closes. */
export function serveEngine(
  channel: Channel<ToEngine, FromEngine>,
  methods: Readonly<Record<string, Method>>,
  leave: (client: string) => void,
): void {
  const open = new Map<string, AbortController>();
  const answer = async (call: Extract<ToEngine, { type: "call" }>): Promise<void> => {
    const { id: parent, method, client, value, buffers } = call;
    const abort = new AbortController();
    open.set(parent, abort);
    try {
      const perform = Object.hasOwn(methods, method) ? methods[method] : undefined;
      if (!perform) throw new KromaError("invalid", `kroma.ml has no "${method}".`);
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
