/** What the engine's worker is asked: each request is checked here, once, and then carried out. */
import { custom, maxLength, maxValue, minValue, number, object, optional, picklist, pipe, string } from "valibot";
import { readModelAddress, modelAddressText } from "#core/artefact/model-address.ts";
import { checked, type Method } from "#core/kernel/service-program.ts";
import { DEVICES, type Engine } from "./engine.ts";
import { type WireTensor, wireTensors } from "./tensors.ts";

const LONGEST_SOURCE = 4096;
const sourceText = pipe(string(), maxLength(LONGEST_SOURCE));
const sourceRequest = object({ source: sourceText });
const loadRequest = object({
  source: sourceText,
  file: optional(sourceText),
  revision: optional(sourceText),
  device: optional(picklist(DEVICES, `a device is one of ${DEVICES.join(", ")}`), "auto"),
});
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

/** The engine's own methods. */
export function engineMethods(engine: Engine, hub: () => string | undefined): Readonly<Record<string, Method>> {
  return {
    load: async ({ client, value, buffers, signal, onProgress }) => {
      const request = checked(loadRequest, value);
      const source = sourceOf(request, hub());
      return { value: await engine.load(client, source, buffers[0], signal, onProgress, request.device) };
    },
    run: async ({ client, value, buffers, signal }) => {
      const { session, tensors } = checked(runRequest, value);
      const { buffers: moved, ...told } = await engine.run(client, session, { tensors, buffers }, signal);
      return { value: told, buffers: moved };
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
