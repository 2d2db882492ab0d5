/**
 * Where models come from: an address on the web, a file of a model hub, a CID, a file of the workspace, or a name of what ships
 * with Kroma. Of a path and a shipped name the workspace is asked first, so that a person's own file always wins.
 */
import { integer, number, object, optional, parse, pipe, record, string } from "valibot";
import { type ModelAddress, modelAddressText, modelFileName, readModelAddress } from "#core/artefact/model-address.ts";
import { KromaError } from "#core/base/errors.ts";
import type { ContentSource } from "#core/kernel/services.ts";
import { type FetchedFiles, type FilePeers, type FetchProgress, fetchRefusal } from "#core/store/fetched.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { workspacePath } from "#core/workspace/workspace-path.ts";
import { externalFiles } from "./model-file.ts";

/** A model's bytes and where its other files would be. */
export interface OpenedModel {
  /** As sentences call it. */
  readonly name: string;
  /** The address that it came from; undefined for what is here anyway. */
  readonly address?: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A file beside it. Throws `missing`. */
  beside(file: string): Promise<Uint8Array<ArrayBuffer>>;
}

export interface SourceParts {
  /** The notebook's files; undefined where there is no shared memory. */
  readonly files: () => SyncFs | undefined;
  /** Absolute URL of a shipped file. */
  readonly asset: (path: string) => string;
  readonly fetch: (url: string, signal: AbortSignal) => Promise<Response>;
  /** Keeps what comes from the web; without it, it is fetched each time. */
  readonly models?: FetchedFiles | undefined;
  /** No model is larger than this. */
  readonly largest: number;
  /** Address of the model hub. */
  readonly hub?: () => string | undefined;
  /** The people of the notebook, who may have what an address names. */
  readonly peers?: FilePeers;
  /** What is named by its CID. */
  readonly content?: ContentSource;
  /** Nothing is fetched from the web. */
  readonly isOffline?: boolean;
}

const shippedIndex = record(
  string(),
  object({
    file: string(),
    bytes: pipe(number(), integer()),
    sha256: string(),
    licence: string(),
    from: optional(string()),
  }),
);

/** Finds models and the files beside them. */
export class ModelSources {
  readonly #parts: SourceParts;
  #shipped: Promise<ReturnType<typeof parseIndex>> | undefined;

  constructor(parts: SourceParts) {
    this.#parts = parts;
  }

  /** The model of a path, address, CID or name. Throws `missing`, `unavailable`, `exhausted` or `corrupt`. */
  async open(
    source: string,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void = () => undefined,
  ): Promise<OpenedModel> {
    const address = this.#address(source);
    if (address) return this.#elsewhere(address, signal, onProgress);
    const file = this.readFile(source);
    if (file) {
      const name = workspacePath(source);
      const folder = name.replace(/[^/]*$/, "");
      return { name, bytes: file, beside: (path) => this.#besideFile(name, folder, path) };
    }
    const shipped = await this.shipped(source, signal);
    if (shipped) return { name: source, bytes: shipped, beside: (name) => Promise.reject(noFile(source, name)) };
    const names = Object.keys(await this.#index()).join(", ");
    throw new KromaError(
      "missing",
      `There is no file ${source} in the workspace, and no model of this name ships with Kroma (there are: ${names}).`,
    );
  }

  /**
   * What tells a source's present content from any other without reading it: a file's place, size and time, a shipped
   * model's hash, a CID. Undefined for what has to be read to be known.
   */
  async fingerprint(source: string): Promise<string | undefined> {
    const address = this.#address(source);
    if (address) return address.type === "web" ? undefined : modelAddressText(address);
    const name = workspacePath(source);
    const stat = this.#parts.files()?.resolve(name);
    if (stat) return `file ${stat.inode} ${stat.size} ${stat.modified} ${name}`;
    const index = await this.#index();
    return Object.hasOwn(index, source) ? `shipped ${index[source]?.sha256}` : undefined;
  }

  /** A file of the workspace, or undefined. Throws `exhausted` when it is larger than any model may be. */
  readFile(path: string): Uint8Array<ArrayBuffer> | undefined {
    const files = this.#parts.files();
    const name = files && workspacePath(path);
    const stat = name === undefined ? undefined : files?.resolve(name);
    if (!files || name === undefined || !stat) return undefined;
    this.#checkSize(path, stat.size);
    return files.readFile(name);
  }

  /** A shipped file by its name, checked against its hash; undefined when there is none of this name. */
  async shipped(name: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const index = await this.#index();
    const entry = Object.hasOwn(index, name) ? index[name] : undefined;
    if (!entry) return undefined;
    const bytes = await this.#download(this.#parts.asset(`models/${entry.file}`), name, signal);
    if ((await sha256(bytes)) !== entry.sha256)
      throw new KromaError("corrupt", `${name} is not the file that belongs to this Kroma. Reload the page.`);
    return bytes;
  }

  #index(): Promise<ReturnType<typeof parseIndex>> {
    this.#shipped ??= this.#download(
      this.#parts.asset("models/index.json"),
      "The list of models",
      new AbortController().signal,
    )
      .then(parseIndex)
      .catch((error: unknown) => {
        this.#shipped = undefined;
        throw error;
      });
    return this.#shipped;
  }

  #address(source: string): ModelAddress | undefined {
    return readModelAddress(source, { hub: this.#parts.hub?.() });
  }

  async #elsewhere(
    address: ModelAddress,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<OpenedModel> {
    const get = (which: ModelAddress): Promise<Uint8Array<ArrayBuffer>> =>
      which.type === "web" ? this.#web(which.url, signal, onProgress) : this.#content(which, signal, onProgress);
    const name = modelFileName(address);
    return {
      name,
      address: modelAddressText(address),
      bytes: await get(address),
      beside: async (file) => {
        if (!isInside(file)) throw noFile(name, file);
        const part = besideOf(address, file);
        // Before it is here, so that what lacks it is not taken for whole.
        if (address.type === "web" && part.type === "web") await this.#parts.models?.addPart(address.url, part.url);
        return get(part).catch((error: unknown) => {
          throw error instanceof KromaError && error.code === "missing" ? noFile(name, file, error) : error;
        });
      },
    };
  }

  /** Fetches and keeps what an address names, without loading it; of a model also the files in which it keeps weights. */
  async keep(url: string, signal: AbortSignal, onProgress: (progress: FetchProgress) => void): Promise<void> {
    const { bytes, beside } = await this.#elsewhere({ type: "web", url }, signal, onProgress);
    for (const file of externalFiles(bytes)) await beside(file);
  }

  #web(
    url: string,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { models, isOffline, peers } = this.#parts;
    if (isOffline === true) {
      const why = "A notebook that is not trusted fetches nothing from the web, and no model either: trust it first.";
      return Promise.reject(new KromaError("denied", why));
    }
    return (
      models?.get(url, { signal, onProgress, peers }) ??
      this.#download(url, modelFileName({ type: "web", url }), signal)
    );
  }

  async #content(
    address: Extract<ModelAddress, { type: "content" }>,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { content } = this.#parts;
    if (!content) throw new KromaError("unavailable", "Nothing can be fetched by its CID here.");
    const { cid, path, from } = address;
    const url = modelAddressText(address);
    const bytes = await content.get(
      { cid, path, from },
      { signal, onProgress: (here, total) => onProgress({ url, bytes: here, total }) },
    );
    this.#checkSize(modelFileName(address), bytes.length);
    return bytes;
  }

  #besideFile(source: string, folder: string, name: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = isInside(name) ? this.readFile(`/workspace/${folder}${name}`) : undefined;
    return bytes ? Promise.resolve(bytes) : Promise.reject(noFile(source, name));
  }

  async #download(url: string, name: string, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    let response: Response;
    try {
      response = await this.#parts.fetch(url, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw new KromaError("unavailable", `${name} could not be fetched: the network or its server does not answer.`, {
        cause: error,
      });
    }
    if (!response.ok) throw fetchRefusal(name, response.status, response.statusText);
    this.#checkSize(name, Number(response.headers.get("content-length") ?? 0));
    let bytes: ArrayBuffer;
    try {
      bytes = await response.arrayBuffer();
    } catch (error) {
      signal.throwIfAborted();
      throw new KromaError("unavailable", `${name} stopped coming in the middle. Try again.`, { cause: error });
    }
    this.#checkSize(name, bytes.byteLength);
    return new Uint8Array(bytes);
  }

  #checkSize(name: string, size: number): void {
    const { largest } = this.#parts;
    if (size <= largest) return;
    throw new KromaError("exhausted", `${name} has ${megabytes(size)}; models may use ${megabytes(largest)} here.`);
  }
}

/** Bytes as people say them. */
export const megabytes = (bytes: number): string =>
  bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6).toLocaleString("en")} MB`;

/** A digest in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The address of a file beside another. */
function besideOf(address: ModelAddress, file: string): ModelAddress {
  if (address.type === "web")
    return { type: "web", url: new URL(file.split("/").map(encodeURIComponent).join("/"), address.url).href };
  const { path } = address;
  return { ...address, path: `${path.replace(/[^/]*$/, "")}${file}` };
}

const parseIndex = (bytes: Uint8Array) => parse(shippedIndex, JSON.parse(new TextDecoder().decode(bytes)));

/** A model names its files; it shall not name any that are not beside it. */
const isInside = (file: string): boolean => !file.startsWith("/") && !file.split("/").includes("..");

const noFile = (source: string, name: string, cause?: unknown): KromaError =>
  new KromaError("missing", `${source} keeps weights in the file ${name}, which is not beside it.`, {
    details: { file: name },
    cause,
  });
