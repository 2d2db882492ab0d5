/**
 * Where the files of a pipeline's model are: a repository of the person's hub, a folder of the workspace, a folder with a CID, or
 * an address of the web that ends in "/". Each is asked for the files of a repository of transformers (config.json, tokenizer.json,
 * onnx/model.onnx …) by their names.
 */
import { type ModelAddress, modelAddressText, readModelAddress } from "#core/artefact/model-address.ts";
import { KromaError } from "#core/base/errors.ts";
import type { ContentSource } from "#core/kernel/services.ts";
import type { FetchedFiles, FetchProgress } from "#core/store/fetched.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { workspacePath } from "#core/workspace/workspace-path.ts";

export interface RepositoryParts {
  /** The notebook's files; undefined where there is no shared memory. */
  readonly files: () => SyncFs | undefined;
  /** Fetches what is on the web, and keeps it if it can. */
  readonly models: Pick<FetchedFiles, "get" | "list" | "addPart">;
  readonly content: ContentSource;
  /** Address of the person's model hub. */
  readonly hub: () => string | undefined;
  /** Nothing is fetched from the web. */
  readonly isOffline: boolean;
}

/** A model's files. */
export interface Repository {
  /** A file of it, or undefined when it has none of this name. */
  file(
    name: string,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** False once a file that was asked for is not what it was then. */
  isCurrent(): boolean;
  /** Notes that the files which came belong together, so that they are shown, pinned and deleted as one. */
  keepTogether(): Promise<void>;
  /** Where its network came from; undefined for what is in the workspace. */
  readonly address: string | undefined;
  /** Why a file that was taken not to be there could not be asked for, if that is so. */
  doubt(name: string): KromaError | undefined;
}

/** The repository that a source means: a folder of the workspace if there is one, so that a person's own files win. */
export function repositoryOf(parts: RepositoryParts, source: string, revision: string | undefined): Repository {
  if (parts.files()?.resolve(folderPath(source)) !== undefined) return new FolderRepository(parts, folderPath(source));
  return new FarRepository(parts, source, revision);
}

class FolderRepository implements Repository {
  readonly address = undefined;
  readonly #parts: RepositoryParts;
  readonly #folder: string;
  readonly #seen = new Map<string, string>();

  constructor(parts: RepositoryParts, folder: string) {
    this.#parts = parts;
    this.#folder = folder;
  }

  file(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#path(name);
    this.#seen.set(path, this.#fingerprint(path));
    const files = this.#parts.files();
    return Promise.resolve(files?.resolve(path) ? files.readFile(path) : undefined);
  }

  isCurrent(): boolean {
    return [...this.#seen].every(([path, seen]) => this.#fingerprint(path) === seen);
  }

  keepTogether(): Promise<void> {
    return Promise.resolve();
  }

  doubt(): undefined {
    return undefined;
  }

  #path(name: string): string {
    // A model names its files; it shall not name any of the notebook's others.
    if (name.startsWith("/") || name.split("/").includes(".."))
      throw new KromaError("invalid", `The model asks for "${name.slice(0, 100)}", which lies outside of its folder.`);
    return `${this.#folder}/${name}`;
  }

  #fingerprint(path: string): string {
    const stat = this.#parts.files()?.resolve(path);
    return stat ? `${stat.inode} ${stat.size} ${stat.modified}` : "";
  }
}

class FarRepository implements Repository {
  readonly #parts: RepositoryParts;
  readonly #source: string;
  readonly #revision: string | undefined;
  readonly #doubts = new Map<string, KromaError>();
  /** The addresses of files that came. */
  readonly #came = new Set<string>();

  constructor(parts: RepositoryParts, source: string, revision: string | undefined) {
    this.#parts = parts;
    // Files are beside others below an address, and not in its place.
    this.#source = /^https?:/i.test(source) && !source.endsWith("/") ? `${source}/` : source;
    this.#revision = revision;
  }

  async file(
    name: string,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const address = this.#address(name);
    try {
      const bytes = await this.#get(address, signal, onProgress);
      this.#came.add(modelAddressText(address));
      return bytes;
    } catch (error) {
      if (!(error instanceof KromaError)) throw error;
      if (error.code === "missing") return undefined;
      if (error.code !== "unavailable" || !(await this.#wasLoadedWithout(address))) throw error;
      this.#doubts.set(name, error);
      return undefined;
    }
  }

  isCurrent(): boolean {
    return true;
  }

  get address(): string | undefined {
    return [...this.#came].find((url) => url.endsWith(".onnx"));
  }

  async keepTogether(): Promise<void> {
    const { address } = this;
    if (address === undefined || !/^https?:/.test(address)) return;
    for (const url of this.#came) if (url !== address) await this.#parts.models.addPart(address, url);
  }

  doubt(name: string): KromaError | undefined {
    return this.#doubts.get(name);
  }

  #get(
    address: ModelAddress,
    signal: AbortSignal,
    onProgress: (progress: FetchProgress) => void,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { models, content, isOffline } = this.#parts;
    if (address.type === "content") {
      const { cid, path, from } = address;
      const url = modelAddressText(address);
      return content.get(
        { cid, path, from },
        { signal, onProgress: (bytes, total) => onProgress({ url, bytes, total }) },
      );
    }
    if (isOffline) {
      const why = "A notebook that is not trusted fetches nothing from the web, and no model either: trust it first.";
      return Promise.reject(new KromaError("denied", why));
    }
    return models.get(address.url, { signal, onProgress });
  }

  #address(file: string): ModelAddress {
    const address = readModelAddress(this.#source, {
      hub: this.#parts.hub(),
      file,
      ...(this.#revision === undefined ? {} : { revision: this.#revision }),
    });
    if (address) return address;
    const wanted = 'a folder of the workspace, "owner/name" of a model hub, or ipfs://CID';
    throw new KromaError("missing", `There is no model ${this.#source.slice(0, 200)} here: name ${wanted}.`);
  }

  /**
   * Without a network nobody says that a file isn't there. A model whose network was loaded whole needs no more than what is kept of
   * it; but what is kept in part is there.
   */
  async #wasLoadedWithout(address: ModelAddress): Promise<boolean> {
    const config = this.#address("config.json");
    if (config.type !== "web" || address.type !== "web") return false;
    const folder = config.url.slice(0, -"config.json".length);
    const kept = (await this.#parts.models.list()).filter(({ url }) => url.startsWith(folder));
    if (kept.some(({ url }) => url === address.url)) return false;
    return kept.some(({ url, cid }) => url.endsWith(".onnx") && cid !== undefined);
  }
}

/** A source as a path of the workspace; one that is none stands for nothing there. */
function folderPath(source: string): string {
  if (/^[a-z]+:/i.test(source) || (source.startsWith("/") && !source.startsWith("/workspace/"))) return "\0";
  return workspacePath(source);
}
