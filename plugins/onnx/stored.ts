/** What the engine's worker does with what is kept of the web's models, beside loading it. */
import { boolean, object, pipe, maxLength, string } from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { checked, type Method } from "#core/kernel/service-program.ts";
import type { FetchedFiles } from "#core/store/fetched.ts";
import { addressOf } from "./requests.ts";
import type { ModelSources } from "./sources.ts";

const blockRequest = object({ source: pipe(string(), maxLength(8192)), cid: pipe(string(), maxLength(200)) });
const pinRequest = object({ source: pipe(string(), maxLength(8192)), isPinned: boolean() });

/** The methods of the store; without one nothing is kept. */
export function storeMethods(
  models: FetchedFiles | undefined,
  sources: Pick<ModelSources, "keep">,
): Readonly<Record<string, Method>> {
  const needed = (): FetchedFiles => {
    if (models) return models;
    throw new KromaError("unavailable", "This browser keeps no files for Kroma: models are fetched each time.");
  };
  return {
    stored: async () => ({ value: (await models?.list()) ?? [] }),
    forget: async ({ value }) => ({ value: await models?.remove(addressOf(value)) }),
    /** Keeps a model without loading it. */
    fetch: async ({ value, signal, onProgress }) => {
      needed();
      await sources.keep(addressOf(value), signal, onProgress);
      return { value: undefined };
    },
    /** The bytes of a file, which is fetched if it is not here. */
    read: async ({ value, signal, onProgress }) => {
      const bytes = await needed().get(addressOf(value), { signal, onProgress });
      return { value: undefined, buffers: [bytes.buffer] };
    },
    /** A block of a file that is here whole, for others; none when it is not of that file. */
    block: async ({ value }) => {
      const { source, cid } = checked(blockRequest, value);
      const bytes = await models?.block(source, cid);
      return { value: undefined, buffers: bytes ? [new Uint8Array(bytes).buffer] : [] };
    },
    pin: async ({ value }) => {
      const { source, isPinned } = checked(pinRequest, value);
      await needed().setPinned(source, isPinned);
      return { value: undefined };
    },
  };
}
