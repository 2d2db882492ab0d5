/** What is used of transformers.js (https://huggingface.co/docs/transformers.js), and how it is kept from the network. */
import type { KromaError } from "#core/base/errors.ts";

/** A pipeline as the library makes it. */
export interface LibraryPipeline {
  (...values: readonly unknown[]): Promise<unknown>;
  readonly tokenizer?: unknown;
  readonly processor?: { readonly feature_extractor?: { readonly config?: { readonly sampling_rate?: unknown } } };
  dispose(): Promise<unknown>;
}

/** The library, as far as it is used. */
export interface Library {
  readonly pipeline: (
    task: string,
    model: string,
    options: Readonly<Record<string, unknown>>,
  ) => Promise<LibraryPipeline>;
  readonly env: {
    readonly version: string;
    remoteHost: string;
    localModelPath: string;
    allowLocalModels: boolean;
    allowRemoteModels: boolean;
    useFS: boolean;
    useBrowserCache: boolean;
    useFSCache: boolean;
    useWasmCache: boolean;
    useCustomCache: boolean;
    customCache: unknown;
    fetch: (url: string | URL) => Promise<Response>;
    logLevel: number;
  };
  readonly RawImage: {
    new (data: Uint8ClampedArray | Uint8Array, width: number, height: number, channels: number): unknown;
    fromBlob(blob: Blob): Promise<unknown>;
  };
  readonly InterruptableStoppingCriteria: new () => { interrupt(): void };
  readonly TextStreamer: new (
    tokenizer: unknown,
    options: { readonly skip_prompt: boolean; readonly callback_function: (text: string) => void },
  ) => unknown;
}

/** What answers for the files of models: undefined when there is none of this name. Rejects with a KromaError. */
export type AnswerFile = (model: string, file: string) => Promise<Uint8Array<ArrayBuffer> | undefined>;

/** Names of this domain are never found (RFC 2606): whatever should pass by the hooks below reaches nobody. */
const HOST = "https://kroma.invalid/";
const WARNINGS_OFF = 50;

/** Makes `answer` the one way by which the library gets files. */
export function confine(library: Library, answer: AnswerFile, refuse: (url: string) => KromaError): void {
  const { env } = library;
  const ask = async (url: string): Promise<Response> => {
    const [, model, file] = /^https:\/\/kroma\.invalid\/(.+?)\/resolve\/[^/]+\/(.+)$/.exec(url) ?? [];
    if (model === undefined || file === undefined) throw refuse(url);
    const bytes = await answer(model, file);
    if (!bytes) return new Response(undefined, { status: 404 });
    return new Response(bytes, { headers: { "content-length": String(bytes.length) } });
  };
  Object.assign(env, {
    remoteHost: HOST,
    localModelPath: "/",
    allowLocalModels: false,
    allowRemoteModels: true,
    useFS: false,
    useBrowserCache: false,
    useFSCache: false,
    useWasmCache: false,
    useCustomCache: true,
    logLevel: WARNINGS_OFF,
    // In Node the library takes models from its cache and nowhere else.
    customCache: {
      match: async (key: string): Promise<Response | undefined> => {
        if (!key.startsWith(HOST)) return undefined;
        const response = await ask(key);
        return response.ok ? response : undefined;
      },
      put: (): Promise<void> => Promise.resolve(),
    },
    fetch: (url: string | URL) => ask(String(url)),
  });
}

/** The file that a failure of the library speaks of, by the address it was asked for under. */
export const fileIn = (message: string): string | undefined =>
  /https:\/\/kroma\.invalid\/.+?\/resolve\/[^/]+\/([^"\s]+)/.exec(message)?.[1];
