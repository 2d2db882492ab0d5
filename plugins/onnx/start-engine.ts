/** What the engine's worker does at its start, the same in a page's worker and in a thread of Node. */
import { type Channel, portChannel, type PortLike } from "#core/base/channel.ts";
import { isFatal } from "#core/base/engine-failures.ts";
import { KromaError } from "#core/base/errors.ts";
import { contentOver } from "#core/kernel/program-content.ts";
import { peersOver } from "#core/kernel/program-peers.ts";
import {
  type FromProgram,
  type Method,
  type ProgramInit,
  serveProgram,
  type ToProgram,
} from "#core/kernel/service-program.ts";
import type { FetchedFiles, HubToken } from "#core/store/fetched.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { workspacePath } from "#core/workspace/workspace-path.ts";
import { archiveOf, givenArrays, tensorOfFile, tensorsOfArchive } from "./array-files.ts";
import { type CommandParts, performCommand } from "./command.ts";
import { Engine } from "./engine.ts";
import type { GraphicsParts } from "./graphics-place.ts";
import { SpeechFinder } from "./hear/speech.ts";
import { decodeWav } from "#core/workspace/wav.ts";
import type { DecodePicture } from "./read-text/pixels.ts";
import { TextReader } from "./read-text/read-text.ts";
import { addressOf, arraysOf, commandOf, engineMethods, openedOf, pictureOf, soundOf } from "./requests.ts";
import type { Runtime } from "./runtime.ts";
import { ModelSources } from "./sources.ts";
import { storeMethods } from "./stored.ts";

const GIB = 1024 ** 3;

export interface EnginePlace {
  readonly port: PortLike;
  /** Loads onnxruntime; `assets` is the URL of the shipped files. */
  readonly runtime: (assets: string) => Promise<Runtime>;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Response>;
  readonly decode: DecodePicture;
  /** Keeps what is fetched from the web. */
  readonly models: FetchedFiles | undefined;
  /** The graphics processor; undefined where models never run on one. `assets` is the URL of the shipped files. */
  readonly graphics?: (assets: string) => GraphicsParts;
  /** Told what a person signs in with at hubs. */
  readonly onTokens?: ((tokens: readonly HubToken[]) => void) | undefined;
  /** Bytes that models may take; memory of WebAssembly ends at 4 GiB. */
  readonly budget?: number;
}

/** Waits for the ProgramInit and serves from then on. */
export function startEngine(place: EnginePlace): void {
  const { port, runtime, graphics, fetch, decode, models, onTokens, budget = 2 * GIB } = place;
  const channel = portChannel<ProgramInit | ToProgram, FromProgram>(port);
  const stop = channel.receive((message) => {
    if (message.type !== "init") return;
    stop();
    const { assets, workspace, isOffline } = message;
    let files: SyncFs | undefined;
    const connect = (): SyncFs | undefined => (files ??= workspace && new SyncFs(workspace));
    let loaded: Promise<Runtime> | undefined;
    const asset = (path: string): string => new URL(path, assets).href;
    const requests = channel as unknown as Channel<ToProgram, FromProgram>;
    let hub: string | undefined;
    requests.receive((request) => {
      if (request.type === "hub") hub = request.hub;
      if (request.type === "tokens") onTokens?.(request.tokens);
    });
    const sources = new ModelSources({
      files: connect,
      asset,
      fetch,
      models,
      largest: budget,
      hub: () => hub,
      content: contentOver(requests),
      peers: peersOver(requests),
      isOffline,
    });
    const engine = new Engine({
      runtime: () => (loaded ??= runtime(assets)),
      sources,
      budget,
      graphics: graphics?.(assets),
      breathe: () => new Promise((resolve) => setTimeout(resolve, 0)),
    });
    const reader = new TextReader(engine, sources, decode);
    const finder = new SpeechFinder(engine);
    const writeFile = (path: string, bytes: Uint8Array): void => {
      const writable = connect();
      if (!writable) throw new KromaError("unavailable", "The notebook's files cannot be reached here.");
      writable.writeFile(workspacePath(path), bytes);
    };
    const fileAsked = (source: string | undefined, buffers: readonly ArrayBuffer[]): Uint8Array<ArrayBuffer> => {
      const given = buffers[0] && new Uint8Array(buffers[0]);
      const file = given ?? (source === undefined ? undefined : sources.readFile(source));
      if (!file) throw new KromaError("missing", `There is no file ${source ?? ""} in the workspace.`);
      return file;
    };
    const pictureAsked = (value: unknown, buffers: readonly ArrayBuffer[]): Uint8Array<ArrayBuffer> =>
      fileAsked(pictureOf(value).source, buffers);
    const commands: CommandParts = {
      engine,
      readFile: (path) => sources.readFile(path),
      writeFile,
      readText: async (picture, signal) => (await reader.read(picture, signal)).lines,
      findSpeech: async (sound, signal) => (await finder.find(sound, soundOf({}), signal)).stretches,
    };
    const methods: Record<string, Method> = {
      ...engineMethods(engine, () => hub),
      open: async ({ value, signal, onProgress }) => {
        const { source, unless } = openedOf(value);
        const fingerprint = await sources.fingerprint(source);
        if (fingerprint !== undefined && fingerprint === unless) return { value: { name: source, fingerprint } };
        const { name, bytes } = await sources.open(source, signal, onProgress);
        return { value: { name, fingerprint, file: new Blob([bytes]) } };
      },
      ...storeMethods(models, sources),
      readText: async ({ value, buffers, signal }) => ({
        value: await reader.read(pictureAsked(value, buffers), signal),
      }),
      readSound: ({ value, buffers }) => {
        const { samples, ...facts } = decodeWav(fileAsked(soundOf(value).source, buffers));
        const tensor = { name: "samples", type: "float32", dims: [samples.length] };
        return Promise.resolve({ value: { ...facts, tensors: [tensor] }, buffers: [samples.buffer] });
      },
      findSpeech: async ({ value, buffers, signal, onProgress }) => {
        const { source, ...rule } = soundOf(value);
        const found = await finder.find(fileAsked(source, buffers), rule, signal, onProgress);
        const { probabilities, ...facts } = found;
        const tensor = { name: "probabilities", type: "float32", dims: [probabilities.length] };
        return { value: { ...facts, tensors: [tensor] }, buffers: [probabilities.buffer] };
      },
      readArrays: async ({ value, signal }) => {
        const source = addressOf(value);
        const bytes = sources.readFile(source) ?? (await sources.shipped(source, signal));
        if (!bytes) throw new KromaError("missing", `There is no file ${source} in the workspace.`);
        const isArchive = bytes[0] === 0x50 && bytes[1] === 0x4b;
        const found = isArchive ? tensorsOfArchive(source, bytes) : [tensorOfFile("array", bytes, "uint8")];
        return { value: { tensors: found.map(({ tensor }) => tensor) }, buffers: found.map(({ buffer }) => buffer) };
      },
      writeArrays: ({ value, buffers }) => {
        const { source, tensors } = arraysOf(value);
        const path = workspacePath(source);
        // The old file stays whole until the new one is: a checkpoint is written when a tab may be closed.
        writeFile(`/workspace/${path}.part`, archiveOf(givenArrays(tensors, buffers)));
        connect()?.move(`${path}.part`, path);
        return Promise.resolve({ value: undefined });
      },
      readPicture: async ({ value, buffers }) => {
        const { width, height, data } = await decode(pictureAsked(value, buffers));
        const tensor = { name: "picture", type: "uint8", dims: [height, width, 4] };
        return { value: { tensors: [tensor] }, buffers: [new Uint8Array(data).buffer] };
      },
      command: async ({ client, value, buffers, signal }) => {
        const input = new Uint8Array(buffers[0] ?? new ArrayBuffer());
        const { status, out, complaint } = await performCommand(commands, {
          client,
          ...commandOf(value),
          input,
          signal,
        });
        return { value: { status, complaint }, buffers: [out.buffer] };
      },
    };
    serveProgram(requests, { name: "kroma.ml", methods, leave: (client) => engine.leave(client), isFatal });
  });
}
