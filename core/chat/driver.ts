/**
 * A language model as the rest of Kroma sees it: messages go in, an answer comes out piece by piece. The shapes are those
 * of OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat), which Ollama, llama.cpp, LM Studio
 * and vLLM speak as well, in our spelling. Where the model runs is the driver's own business.
 */
import { Facet } from "../plugin/facet.ts";

/** One message of a conversation. */
export type ChatMessage =
  | { readonly role: "system" | "user"; readonly content: string }
  | { readonly role: "assistant"; readonly content: string; readonly toolCalls?: readonly ChatToolCall[] }
  /** What a tool gave; `call` is the ChatToolCall's id. */
  | { readonly role: "tool"; readonly call: string; readonly content: string };

/** The model asks for a tool. `arguments` is JSON as the model wrote it: it may be anything. */
export interface ChatToolCall {
  readonly id: string;
  readonly name: string;
  readonly arguments: string;
}

/** A tool that the model may ask for. */
export interface ChatTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of its arguments, an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What is asked of a model. */
export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  /** Instead of the one that the driver was set up with. */
  readonly model?: string;
  readonly tools?: readonly ChatTool[];
  /** The answer is JSON of this JSON Schema: response_format json_schema. Whether it fits is for the asker to check. */
  readonly schema?: { readonly name: string; readonly schema: Readonly<Record<string, unknown>> };
  readonly temperature?: number;
  readonly maxTokens?: number;
  readonly seed?: number;
}

/** Tokens as the model's side counts them. */
export interface ChatUsage {
  readonly prompt: number;
  readonly completion: number;
}

/** Why an answer ended. "length": at its limit of tokens; "filtered": something held it back. */
export type ChatFinish = "stop" | "length" | "tool_calls" | "filtered";

/** A piece of an answer. */
export type ChatDelta =
  /** What goes on before the first word, for the person: "Loading tiny.gguf, 40 of 90 MB". No part of the answer. */
  | { readonly type: "stage"; readonly text: string }
  | { readonly type: "text"; readonly text: string }
  /** What a model thinks before it answers; no part of the answer. */
  | { readonly type: "reasoning"; readonly text: string }
  /** A part of the call with this index: its id and name come once, its arguments in pieces. */
  | {
      readonly type: "tool_call";
      readonly index: number;
      readonly id?: string;
      readonly name?: string;
      readonly arguments: string;
    }
  | { readonly type: "usage"; readonly usage: ChatUsage }
  | { readonly type: "finish"; readonly reason: ChatFinish };

/** One way to a language model. */
export interface ChatDriver {
  /** The model that answers when a request names none; empty when it is the endpoint's choice. */
  readonly model: string;
  /** Where the words go, for the person: a host name, "this browser". */
  readonly place: string;
  /**
   * The answer, piece by piece; exactly one `finish` in an answer that is whole. Throws a KromaError: `denied` (the key),
   * `missing` (no such model or address), `unavailable` (not reached, busy, cut off; `details.retryAfter` in seconds when it
   * was told), `exhausted` (silence, or more than was wanted), `invalid` (the request), `corrupt` (no chat completions), and
   * `aborted` when `signal` says so. Leaving the loop ends the answer at its source.
   */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatDelta>;
  /** The names of the models that can be asked for. */
  models(signal: AbortSignal): Promise<readonly string[]>;
  /** How near an answer is, where that is not known before it is tried. Absent: it is ready, or says at the answer what lacks. */
  readiness?(): Promise<ChatReadiness>;
}

/** How near a model is to its first answer, in words for a person. */
export interface ChatReadiness {
  readonly sentence: string;
  /** The way to make it ready, which may only be begun by a person's click; tells how far it is. Absent: none is needed, or none is there. */
  readonly prepare?: (onStage: (sentence: string) => void, signal: AbortSignal) => Promise<void>;
}

/** Where a model is asked, as a person sets it. The key is a secret: it stays on the device that it was typed on. */
export interface ChatEndpoint {
  /** Base URL, such as http://127.0.0.1:11434/v1. */
  readonly address: string;
  readonly model: string;
  readonly key: string;
}

/** A person's choice: the kind of driver by its id, and what it is told. */
export interface ChatChoice extends ChatEndpoint {
  readonly driver: string;
}

/** A model's file as it was found. */
export interface ModelFile {
  /** As sentences call it. */
  readonly name: string;
  /** Tells this content from any other at the same place; undefined where only reading would tell. */
  readonly fingerprint: string | undefined;
  /** Undefined when its fingerprint is the one that was given: it is the same still. */
  readonly file: Blob | undefined;
  /** Where the same is on a disk, if it is. */
  readonly path?: string;
}

/** What drivers may use of where they run. */
export interface ChatPlace {
  /** Absolute URL of a shipped file. */
  asset(path: string): string;
  /** A model's file by whatever names one: what `kroma.ml.load` takes. Throws as that does. */
  openModel(
    source: string,
    options: {
      readonly signal: AbortSignal;
      readonly onStage: (sentence: string) => void;
      readonly unless?: string | undefined;
    },
  ): Promise<ModelFile>;
  /** Paths of the notebook's files whose names end so. */
  files(ending: string): Promise<readonly string[]>;
}

/** A kind of driver, as a plugin gives it. */
export interface ChatDriverKind {
  readonly id: string;
  /** "A server", "A file": what a person chooses by. */
  readonly title: string;
  /** What of a ChatEndpoint it is told, what it can't do without first. Empty: it needs nothing. */
  readonly fields: readonly (keyof ChatEndpoint)[];
  /** Whether a model that a cell names is this kind's, whatever else was chosen. */
  readonly claims?: (model: string) => boolean;
  /** Whether this device has it. Absent: every one has. */
  readonly isHere?: () => Promise<boolean>;
  /** Makes ready to open drivers; loads and sends nothing yet. */
  start(place: ChatPlace): ChatDrivers;
}

/** The drivers of one kind in one notebook, with what they share, such as a model in memory. */
export interface ChatDrivers {
  /** Makes a driver; sends nothing yet. Throws a KromaError `invalid` or `denied` for what it won't use. */
  open(endpoint: ChatEndpoint): ChatDriver;
  /** Ends what runs and lets go of memory. */
  close(): void;
}

/** All kinds of drivers by their id. */
export const chatDrivers: Facet<ChatDriverKind, ReadonlyMap<string, ChatDriverKind>> = Facet.define(
  "chatDrivers",
  (inputs: readonly ChatDriverKind[]) => new Map(inputs.map((kind) => [kind.id, kind])),
);

/** The language models that a person may ask on this device, as a program offers them to its kernels. */
export interface ChatAccess {
  /** How one is set up here: a sentence for a person. */
  readonly howTo: string;
  /**
   * The driver of the model that a cell names, or of the present settings; undefined when there are none. Throws as
   * ChatDrivers.open does.
   */
  open(model?: string): ChatDriver | undefined;
}
