/**
 * What this browser keeps of models as one list: files from the web, which the engine's worker keeps, and models with a CID, whose
 * blocks are with those of artefacts. Downloads belong to the page: closing the panel does not stop them.
 */
import { createSignal } from "solid-js";
import { modelAddressText, modelFileName, type ModelAddress, readModelAddress } from "#core/artefact/model-address.ts";
import { nameFrom } from "#core/artefact/notebook-parts.ts";
import { isFitName } from "#core/artefact/paths.ts";
import { KromaError } from "#core/base/errors.ts";
import { Emitter } from "#core/base/events.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { RunningService, ServiceAnswer } from "#core/kernel/services.ts";
import type { FetchedFile } from "#core/store/fetched.ts";
import type { Artefacts } from "#kit/artefacts.ts";
import type { ModelDownload, Models, StoredModel } from "#kit/models.ts";
import { externalFiles } from "#plugins/onnx/model-file.ts";
import { setHubToken } from "./hub-tokens.ts";
import { forgetModel, givesModels, noteModel, setGivesModels } from "./notebook-models.ts";
import { readSettings } from "./settings.ts";

const CLIENT = "page";

/** The models of a page, by the service that keeps files and the artefacts that keep blocks. */
export function pageModels(artefacts: Artefacts, service: RunningService): Models {
  const [downloads, setDownloads] = createSignal<readonly ModelDownload[]>([]);
  const stops = new Map<string, AbortController>();
  const changed = new Emitter<void>();
  artefacts.client().onKeptChanged(() => changed.emit());
  const ask = (
    method: string,
    value: unknown,
    more: { readonly signal?: AbortSignal; readonly onProgress?: (value: unknown) => void } = {},
  ): Promise<ServiceAnswer> =>
    service.call({ client: CLIENT, method, value, buffers: [], signal: new AbortController().signal, ...more });
  const show = (address: string, change: Partial<ModelDownload> | undefined): void => {
    setDownloads((all) =>
      all.flatMap((one) => (one.address !== address ? [one] : change ? [{ ...one, ...change }] : [])),
    );
  };
  const fetchFile = async (
    address: ModelAddress,
    signal: AbortSignal,
    notebook: DocumentId | undefined,
  ): Promise<void> => {
    const text = modelAddressText(address);
    if (address.type === "web") {
      await ask("fetch", { source: text }, { signal, onProgress: (told) => show(text, progressOf(told, text)) });
      return;
    }
    const { cid, path, from } = address;
    const hints = { from: [...from, ...(await artefacts.sources())], ...(notebook === undefined ? {} : { notebook }) };
    const bytes = await artefacts.client().model({ cid, path }, hints, artefacts.roots(), {
      signal,
      progress: ({ bytes: here, total }) => show(text, { bytes: here, total }),
    });
    for (const file of externalFiles(bytes)) {
      const beside = { cid, path: `${path.replace(/[^/]*$/, "")}${file}` };
      await artefacts.client().fetchModel(beside, hints, artefacts.roots(), {
        signal,
        progress: ({ bytes: here, total }) => show(text, { bytes: here, total, part: file }),
      });
    }
    const known = (await artefacts.client().models()).find((model) => model.cid === cid && model.path === path);
    if (notebook !== undefined && known) noteModel(notebook, { address: text, cid, size: known.size });
  };
  const bytesOf = async (address: ModelAddress, signal: AbortSignal): Promise<Uint8Array> => {
    if (address.type === "web") {
      const { buffers } = await ask("read", { source: address.url }, { signal });
      return new Uint8Array(buffers?.[0] ?? new ArrayBuffer());
    }
    const { cid, path, from } = address;
    const hints = { from: [...from, ...(await artefacts.sources())] };
    return artefacts.client().model({ cid, path }, hints, artefacts.roots(), { signal });
  };
  const nameOf = async (address: ModelAddress): Promise<string> => {
    if (address.type === "web") return modelFileName(address);
    const known = await artefacts.client().models();
    const record = known.find(({ cid, path }) => cid === address.cid && path === address.path);
    // What has only a CID has no name of its own.
    return record && record.name !== record.cid ? record.name : "model.onnx";
  };
  const run = async (address: ModelAddress, notebook: DocumentId | undefined): Promise<void> => {
    const text = modelAddressText(address);
    const stop = new AbortController();
    stops.set(text, stop);
    const begun = {
      address: text,
      name: modelFileName(address),
      bytes: 0,
      total: undefined,
      part: undefined,
      wantsToken: undefined,
      trouble: undefined,
    };
    setDownloads((all) => [begun, ...all.filter((one) => one.address !== text)]);
    try {
      await fetchFile(address, stop.signal, notebook);
      show(text, undefined);
    } catch (error) {
      if (stop.signal.aborted) show(text, undefined);
      else show(text, { trouble: error instanceof Error ? error.message : String(error), wantsToken: originIn(error) });
    } finally {
      stops.delete(text);
      changed.emit();
    }
  };
  return {
    downloads,
    onChange: (listener) => changed.on(listener),
    async list() {
      const [stored, models] = await Promise.all([ask("stored", undefined), artefacts.client().models()]);
      const files = fileModels(stored.value as readonly FetchedFile[]);
      const blocks = models.map(
        ({ cid, path, file, name, size, title, licence, used, isPinned, isWhole, ...model }) => ({
          address: modelAddressText({ type: "content", cid, path, from: [] }),
          name,
          title,
          size,
          here: isWhole ? size : undefined,
          isWhole,
          licence,
          cid: file,
          used,
          isPinned,
          parts: [],
          isFromPeople: model.isFromPeople ?? false,
        }),
      );
      return [...files, ...blocks].sort((left, right) => right.used - left.used);
    },
    async block(source, cid) {
      const [bytes] = (await ask("block", { source, cid })).buffers ?? [];
      return bytes && new Uint8Array(bytes);
    },
    setToken: setHubToken,
    givesModels,
    setGivesModels,
    download(source, notebook) {
      const address = addressOf(source);
      if (!stops.has(modelAddressText(address))) void run(address, notebook);
    },
    pause(address) {
      const stop = stops.get(address);
      if (stop) stop.abort();
      else show(address, undefined);
    },
    async setPinned(text, isPinned) {
      const address = addressOf(text);
      if (address.type === "web") await ask("pin", { source: text, isPinned });
      else await artefacts.client().pinModel({ cid: address.cid, path: address.path }, isPinned);
      changed.emit();
    },
    async file(text, signal) {
      const address = addressOf(text);
      const bytes = await bytesOf(address, signal);
      const read = async (offset: number, length: number) => bytes.slice(offset, offset + length);
      return { id: text, name: await nameOf(address), size: bytes.length, read };
    },
    async publish({ id, name, size, read }, { title, ...said }, { signal, progress, notebook }) {
      const draft = {
        kind: "model",
        document: id,
        name: nameFrom(title),
        title,
        ...said,
        environment: { packages: [], npm: [] },
        capabilities: [],
        parents: [],
        made: [],
        files: [{ path: isFitName(name) ? name : "model.onnx", size }],
      } as const;
      const published = await artefacts.client().publish(draft, {
        signal,
        progress: ({ bytes, total }) => progress({ bytes, total }),
        read: (_path, offset, length) => read(offset, length),
      });
      const cid = published.root;
      const address = modelAddressText({ type: "content", cid, path: "", from: [] });
      if (notebook !== undefined) noteModel(notebook, { address, cid, size });
      return published;
    },
    async remove(text) {
      stops.get(text)?.abort();
      show(text, undefined);
      forgetModel(text);
      const address = addressOf(text);
      if (address.type === "web") await ask("forget", { source: text });
      else {
        await artefacts.client().removeModel({ cid: address.cid, path: address.path });
        await artefacts.client().collect(artefacts.roots());
      }
      changed.emit();
    },
  };
}

function addressOf(source: string): ModelAddress {
  const address = readModelAddress(source, { hub: readSettings().modelHub });
  if (address) return address;
  const forms = "an address, hub:owner/name/file, or a CID";
  throw new KromaError("invalid", `"${source.slice(0, 100)}" names no model: give ${forms}.`);
}

const sumOf = (numbers: readonly (number | undefined)[]): number | undefined =>
  numbers.reduce((sum, one) => (sum === undefined || one === undefined ? undefined : sum + one), 0);

/** A file with those that belong to it; of one that was not begun nothing is known. */
const fileModel = (
  { url, bytes, total, cid, used, isPinned, licence, parts: names, isFromPeople }: FetchedFile,
  parts: readonly (FetchedFile | undefined)[],
): StoredModel => ({
  address: url,
  name: modelFileName({ type: "web", url }),
  title: undefined,
  size: sumOf([total, ...parts.map((part) => part?.total)]),
  here: sumOf([bytes, ...parts.map((part) => part?.bytes ?? 0)]),
  isWhole: [cid, ...parts.map((part) => part?.cid)].every((one) => one !== undefined),
  licence,
  cid,
  used,
  isPinned,
  parts: names.map((part) => modelFileName({ type: "web", url: part })),
  isFromPeople,
});

/** The hub that wants a token, as a refusal tells it. */
function originIn(error: unknown): string | undefined {
  if (!(error instanceof KromaError) || error.code !== "denied") return undefined;
  const { details } = error;
  const told = typeof details === "object" && details !== null && "origin" in details ? details.origin : undefined;
  return typeof told === "string" ? told : undefined;
}

function progressOf(told: unknown, address: string): Partial<ModelDownload> {
  const { url, bytes, total } = told as { readonly url: string; readonly bytes: number; readonly total?: number };
  return { bytes, total, part: url === address ? undefined : modelFileName({ type: "web", url }) };
}

/** Files as models: what belongs to another is told with it. */
function fileModels(files: readonly FetchedFile[]): readonly StoredModel[] {
  const byUrl = new Map(files.map((file) => [file.url, file]));
  const belonging = new Set(files.flatMap(({ parts }) => parts));
  return files
    .filter(({ url }) => !belonging.has(url))
    .map((file) =>
      fileModel(
        file,
        file.parts.map((part) => byUrl.get(part)),
      ),
    );
}
