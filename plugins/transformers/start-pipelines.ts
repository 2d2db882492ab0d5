/** What the worker of pipelines does at its start, the same in a page's worker and in a thread of Node. */
import { custom, maxLength, minLength, object, optional, pipe, record, string, unknown } from "valibot";
import { type Channel, portChannel, type PortLike } from "#core/base/channel.ts";
import { isFatal } from "#core/base/engine-failures.ts";
import { KromaError } from "#core/base/errors.ts";
import { contentOver } from "#core/kernel/program-content.ts";
import {
  checked,
  type FromProgram,
  type Method,
  type ProgramInit,
  serveProgram,
  type ToProgram,
} from "#core/kernel/service-program.ts";
import type { FetchedFiles, HubToken } from "#core/store/fetched.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { workspacePath } from "#core/workspace/workspace-path.ts";
import { performCommand } from "./command.ts";
import type { Library } from "./library.ts";
import { Pipelines } from "./pipelines.ts";
import { repositoryOf } from "./repository.ts";
import { readValue, writeValue } from "./values.ts";

export interface PipelinesPlace {
  readonly port: PortLike;
  /** Loads the library; `assets` is the URL of the shipped files. */
  readonly library: (assets: string) => Promise<Library>;
  /** Fetches what is on the web, and keeps it if it can. */
  readonly models: Pick<FetchedFiles, "get" | "list" | "addPart">;
  /** Told what a person signs in with at hubs. */
  readonly onTokens?: ((tokens: readonly HubToken[]) => void) | undefined;
  /** Bytes that all pipelines together may take. */
  readonly budget?: number;
}

const GIB = 1024 ** 3;
const text = pipe(string(), minLength(1), maxLength(4096));
const openRequest = object({
  task: text,
  model: text,
  revision: optional(text),
  dtype: optional(text),
  file: optional(text),
  subfolder: optional(pipe(string(), maxLength(4096))),
});
const list = custom<readonly unknown[]>((value) => Array.isArray(value));
const runRequest = object({ pipeline: text, given: list, options: optional(record(string(), unknown()), {}) });
const releaseRequest = object({ pipeline: text });
const words = custom<readonly string[]>(
  (value) => Array.isArray(value) && value.every((word) => typeof word === "string"),
);
const commandRequest = object({ words, directory: optional(text, "/workspace") });

/** Waits for the ProgramInit and serves from then on. */
export function startPipelines({ port, library, models, onTokens, budget = 2 * GIB }: PipelinesPlace): void {
  const channel = portChannel<ProgramInit | ToProgram, FromProgram>(port);
  const stop = channel.receive((message) => {
    if (message.type !== "init") return;
    stop();
    const { assets, workspace, isOffline } = message;
    const requests = channel as unknown as Channel<ToProgram, FromProgram>;
    let files: SyncFs | undefined;
    const connect = (): SyncFs | undefined => (files ??= workspace && new SyncFs(workspace));
    let hub: string | undefined;
    requests.receive((request) => {
      if (request.type === "hub") hub = request.hub;
      if (request.type === "tokens") onTokens?.(request.tokens);
    });
    const parts = { files: connect, models, content: contentOver(requests), hub: () => hub, isOffline };
    const readFile = (path: string): Uint8Array<ArrayBuffer> | undefined => {
      const name = workspacePath(path);
      const stat = connect()?.resolve(name);
      if (!stat) return undefined;
      if (stat.size > budget) throw new KromaError("exhausted", `${path} is too large to be read at once.`);
      return connect()?.readFile(name);
    };
    const pipelines = new Pipelines({
      library: () => library(assets),
      repository: (source, revision) => repositoryOf(parts, source, revision),
      readFile,
      budget,
      breathe: () => new Promise((resolve) => setTimeout(resolve, 0)),
    });
    const methods: Record<string, Method> = {
      open: async ({ client, value, signal, onProgress }) => ({
        value: await pipelines.open(client, checked(openRequest, value), signal, onProgress),
      }),
      run: async ({ client, value, buffers, signal, onProgress }) => {
        const { pipeline, given, options } = checked(runRequest, value);
        const result = await pipelines.run(client, pipeline, {
          given: readValue(given, buffers) as readonly unknown[],
          options: readValue(options, buffers) as Readonly<Record<string, unknown>>,
          signal,
          onText: (piece) => onProgress({ text: piece }),
        });
        return writeValue(result);
      },
      release: async ({ client, value }) => {
        await pipelines.release(client, checked(releaseRequest, value).pipeline);
        return { value: undefined };
      },
      status: () => Promise.resolve({ value: pipelines.status() }),
      command: async ({ client, value, buffers, signal }) => {
        const input = new Uint8Array(buffers[0] ?? new ArrayBuffer());
        const typed = { client, ...checked(commandRequest, value), input, signal };
        const { status, out, complaint } = await performCommand(pipelines, typed);
        return { value: { status, complaint }, buffers: [new TextEncoder().encode(out).buffer] };
      },
    };
    serveProgram(requests, {
      name: "kroma.ml.pipeline",
      methods,
      leave: (client) => void pipelines.leave(client),
      isFatal,
    });
  });
}
