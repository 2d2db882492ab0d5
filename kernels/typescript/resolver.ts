/**
 * Where a specifier leads. Order for npm names: the modules that Kroma ships, the mirrors of the settings, the CDN of the
 * settings. What is fetched is checked against the integrity that the notebook recorded and told to it (`dependency`).
 * Files of the workspace and https: URLs are modules too. Nothing else is: no file: URLs, no modules of Node's.
 */
import type { KernelSettings } from "#core/kernel/kernel.ts";
import type { DependencyMessage } from "#core/kernel/messages.ts";
import { isFile } from "#core/workspace/protocol.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { base64 } from "./canvas.ts";
import type { ModuleSource, Resolved } from "./modules.ts";
import { exportedFile, type Package, type PackageFile, parsePackage, refuseCommonJs, satisfies } from "./packages.ts";

/** One module that Kroma ships: npm/index.json maps specifiers to these. */
export interface ShippedModule {
  readonly version: string;
  /** Relative to npm/. */
  readonly file: string;
  readonly integrity: string;
  /** It draws: `document` must exist before it is loaded. */
  readonly dom?: boolean;
}

export interface ResolverOptions {
  /** URL of the assets folder, ending in "/". */
  readonly assets: string;
  readonly settings: KernelSettings;
  readonly fetch: typeof fetch;
  readonly files: () => SyncFs | undefined;
  readonly onDependency: (dependency: Omit<DependencyMessage, "type" | "parent">) => void;
  /** Told of each shipped module when it is loaded. */
  readonly onNative: (name: string, namespace: object) => void;
  /** What `import … from "kroma"` gives. */
  readonly kroma: () => object;
  readonly needDocument: () => Promise<void>;
  readonly compile: (expression: string, name: string) => unknown;
  /** Told of every text before it is compiled: for source lines in errors. */
  readonly onText: (id: string, text: string) => void;
}

const ROOT = "/workspace/";
/** Node's modules; those whose names npm has packages for, that do without Node, are asked for there. */
const NODE_ONLY =
  /^(?:node:.*|(?:async_hooks|child_process|cluster|crypto|dgram|dns|fs|http2?|https|inspector|module|net|os|perf_hooks|readline|repl|tls|v8|vm|worker_threads|zlib)(?:\/.*)?)$/;
const EXTENSIONS = [
  "",
  ".ts",
  ".tsx",
  ".js",
  ".mjs",
  ".jsx",
  ".json",
  "/index.ts",
  "/index.tsx",
  "/index.js",
  "/index.mjs",
];

/** "sha256-…" of bytes. */
export async function integrityOf(
  bytes: Uint8Array<ArrayBuffer>,
  algorithm: "SHA-256" | "SHA-384" | "SHA-512" = "SHA-256",
): Promise<string> {
  return `${algorithm.replace("SHA-", "sha")}-${base64(new Uint8Array(await crypto.subtle.digest(algorithm, bytes)))}`;
}

async function checkIntegrity(bytes: Uint8Array<ArrayBuffer>, wanted: string, what: string): Promise<void> {
  const algorithm = ({ sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" } as const)[
    wanted.split("-")[0] as "sha256"
  ];
  if (algorithm === undefined)
    throw new Error(`Cannot check ${what}: "${wanted}" is no integrity that Kroma knows (sha256, sha384, sha512)`);
  const found = await integrityOf(bytes, algorithm);
  if (found === wanted) return;
  throw new Error(
    `${what} was refused: its content is not what this notebook recorded.\n  recorded ${wanted}\n  received ${found}\nIf the change is wanted, remove the package from the notebook's dependencies and run the cell again.`,
  );
}

interface Fetched {
  readonly text: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** After redirects: what relative imports are relative to. */
  readonly url: string;
}

/** Names, fetches and checks modules for `Modules`. */
export class Resolver implements ModuleSource {
  readonly #options: ResolverOptions;
  #shipped: Promise<Readonly<Record<string, ShippedModule>>> | undefined;
  readonly #fetched = new Map<string, Promise<Fetched>>();
  readonly #packages = new Map<string, Promise<Resolved>>();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  needDocument(): Promise<void> {
    return this.#options.needDocument();
  }

  compile(expression: string, name: string): unknown {
    return this.#options.compile(expression, name);
  }

  async resolve(
    specifier: string,
    from: string | undefined,
    attributes: Readonly<Record<string, string>>,
  ): Promise<Resolved> {
    if (specifier === "kroma")
      return { kind: "native", id: "kroma", load: () => Promise.resolve(this.#options.kroma()) };
    const isInWorkspace = from === undefined || from.startsWith(ROOT);
    if (/^\.{0,2}\//.test(specifier) || specifier === "." || specifier === "..") {
      if (isInWorkspace) return this.#workspace(specifier, from);
      return this.#url(new URL(specifier, await this.#base(from)).href, undefined, attributes);
    }
    if (/^(?:https?|data|blob):/.test(specifier)) return this.#url(specifier, undefined, attributes);
    if (NODE_ONLY.test(specifier))
      throw new Error(
        `"${specifier}" is a module of Node's, and cells do not run in Node: use kroma.files for files, fetch for the network, kroma.shell for programs`,
      );
    const wanted = parsePackage(specifier);
    if (/^[a-z][a-z+.-]*:/.test(specifier) && !specifier.startsWith("npm:"))
      throw new Error(
        `Cannot import "${specifier}": only npm names, https: URLs and files of the workspace can be imported`,
      );
    if (!wanted) throw new Error(`Cannot import "${specifier}": this is no name of an npm package`);
    const key = `${wanted.name}@${wanted.version ?? ""}/${wanted.path}`;
    let found = this.#packages.get(key);
    if (!found) {
      found = this.#npm(wanted, specifier, attributes);
      this.#packages.set(key, found);
      found.catch(() => this.#packages.delete(key));
    }
    return found;
  }

  version(id: string, known: string): string | undefined {
    if (!id.startsWith(ROOT)) return known;
    const files = this.#options.files();
    return files && this.#stamp(files, id.slice(ROOT.length));
  }

  async read(id: string): Promise<{ readonly text: string; readonly bytes: Uint8Array }> {
    if (id.startsWith(ROOT)) {
      const bytes = this.#files(id).readFile(id.slice(ROOT.length));
      const text = new TextDecoder().decode(bytes);
      this.#options.onText(id, text);
      return { text, bytes };
    }
    const fetched = await this.#fetch(id);
    this.#options.onText(id, fetched.text);
    return fetched;
  }

  #files(specifier: string): SyncFs {
    const files = this.#options.files();
    if (!files)
      throw new Error(
        `Cannot import "${specifier}": this browser gives the page no shared memory, so cells cannot reach the workspace`,
      );
    return files;
  }

  #stamp(files: SyncFs, path: string): string | undefined {
    const stat = files.resolve(path);
    return stat && isFile(stat)
      ? `${stat.inode}:${stat.version}:${stat.size}:${stat.modified}:${stat.changed}`
      : undefined;
  }

  #workspace(specifier: string, from: string | undefined): Resolved {
    const files = this.#files(specifier);
    const base = specifier.startsWith(ROOT) ? specifier.slice(ROOT.length - 1) : specifier;
    const path = new URL(base, `file:///${(from ?? ROOT).slice(ROOT.length)}`).pathname
      .slice(1)
      .split("/")
      .map(decodeURIComponent)
      .join("/")
      .replace(/\/$/, "");
    const candidates = EXTENSIONS.map((extension) => path + extension);
    // TypeScript's habit: "./x.js" means x.ts when there is no x.js.
    if (/\.[cm]?jsx?$/.test(path))
      candidates.push(path.replace(/\.([cm]?)js(x?)$/, ".$1ts$2"), path.replace(/\.js$/, ".tsx"));
    for (const candidate of candidates) {
      if (candidate === "") continue;
      const version = this.#stamp(files, candidate);
      if (version !== undefined) return { kind: "text", id: ROOT + candidate, version };
    }
    throw new Error(
      `Cannot find "${specifier}"${from === undefined ? "" : ` imported by ${from}`}: there is no ${ROOT}${path} (nor with .ts, .tsx, .js, .mjs, .json or as a folder with an index)`,
    );
  }

  async #base(from: string): Promise<string> {
    return (await this.#fetched.get(from))?.url ?? from;
  }

  async #url(
    url: string,
    recorded: string | undefined,
    attributes: Readonly<Record<string, string>>,
  ): Promise<Resolved> {
    await this.#fetch(url, recorded ?? attributes["integrity"]);
    return { kind: "text", id: url, version: "" };
  }

  /** The text at a URL, fetched once, checked if the notebook (or the import) says what it must be. */
  #fetch(
    url: string,
    wanted?: string,
    named?: { readonly name: string; readonly version: string | undefined },
  ): Promise<Fetched> {
    let fetched = this.#fetched.get(url);
    if (!fetched) {
      fetched = this.#fetchOnce(url, wanted, named);
      this.#fetched.set(url, fetched);
      fetched.catch(() => this.#fetched.delete(url));
    }
    return fetched;
  }

  async #fetchOnce(
    url: string,
    wanted: string | undefined,
    named?: { readonly name: string; readonly version: string | undefined },
  ): Promise<Fetched> {
    let response: Response;
    try {
      response = await this.#options.fetch(url, { credentials: "omit" });
    } catch (error) {
      throw new Error(`Cannot reach ${url}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
    if (!response.ok)
      throw new Error(
        `Cannot load ${url}: the server answered ${response.status}${response.statusText === "" ? "" : ` ${response.statusText}`}`,
      );
    const bytes = new Uint8Array(await response.arrayBuffer());
    // Hosts of single-page apps answer so for all they don't have.
    if (/^\s*<(?:!doctype\s|html[\s>])/i.test(new TextDecoder().decode(bytes.subarray(0, 200)))) {
      throw new Error(`Cannot load ${url}: the server answered with a web page, not with a module`);
    }
    const lock = wanted ?? this.#options.settings.npmLock?.find((entry) => entry.url === url)?.integrity;
    if (lock !== undefined) await checkIntegrity(bytes, lock, url);
    const text = new TextDecoder().decode(bytes);
    const final = response.url === "" ? url : response.url;
    if (/^https?:/.test(url)) {
      const parts = /\/((?:@[\w.-]+\/)?[\w.-]+)@(\d[\w.+-]*)/.exec(new URL(final).pathname);
      const version = parts?.[2] ?? (named?.version === undefined ? "" : named.version);
      this.#options.onDependency({
        ecosystem: "npm",
        name: named?.name ?? url,
        version,
        url,
        integrity: await integrityOf(bytes),
      });
    }
    return { text, bytes, url: final };
  }

  async #index(): Promise<Readonly<Record<string, ShippedModule>>> {
    this.#shipped ??= this.#options
      .fetch(`${this.#options.assets}npm/index.json`)
      .then((response) => (response.ok ? (response.json() as Promise<Readonly<Record<string, ShippedModule>>>) : {}))
      .catch(() => ({}));
    return this.#shipped;
  }

  async #npm(wanted: Package, specifier: string, attributes: Readonly<Record<string, string>>): Promise<Resolved> {
    const { settings } = this.#options;
    const bare = wanted.path === "" ? wanted.name : `${wanted.name}/${wanted.path}`;
    const locked = settings.npmLock?.find((entry) => entry.name === wanted.name || entry.name === bare);
    const shipped = (await this.#index())[bare];
    const tried: string[] = [];
    if (shipped && satisfies(shipped.version, wanted.version)) return this.#native(bare, shipped);
    if (shipped)
      tried.push(`the modules that come with Kroma: they have ${bare} ${shipped.version}, not ${wanted.version}`);
    else tried.push("the modules that come with Kroma: not among them");
    const version = wanted.version ?? (locked?.version || undefined);
    const integrity = attributes["integrity"];
    for (const mirror of settings.npmMirrors) {
      const found = await this.#mirror(mirror.replace(/\/?$/, "/"), { ...wanted, version }, integrity, tried);
      if (found !== undefined) return { kind: "text", id: found, version: "" };
    }
    if (settings.npmCdn) {
      const url = settings.npmCdn
        .replaceAll("{name}", wanted.name)
        .replaceAll("{version}", version ?? "latest")
        .replaceAll("{path}", wanted.path)
        .replace(/([^:/])\/+$/, "$1");
      try {
        await this.#fetch(url, integrity, { name: bare, version });
        return { kind: "text", id: url, version: "" };
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (message.includes("was refused")) throw error;
        tried.push(message);
      }
    }
    const advice = !settings.npmCdn
      ? "Name a server of modules (npm CDN) or a folder of them (npm mirror) in the settings, or put the module into the workspace and import it by its path."
      : "Check the name, the version and the network, or put the module into the workspace and import it by its path.";
    throw new Error(
      `Cannot find the module "${specifier}". Tried:\n${tried.map((line) => `  - ${line}`).join("\n")}\n${advice}`,
    );
  }

  #native(name: string, shipped: ShippedModule): Resolved {
    const url = `${this.#options.assets}npm/${shipped.file}`;
    return {
      kind: "native",
      id: url,
      load: async () => {
        if (shipped.dom) await this.#options.needDocument();
        const namespace = (await import(/* @vite-ignore */ url)) as object;
        this.#options.onNative(name, namespace);
        this.#options.onDependency({ ecosystem: "npm", name, version: shipped.version, integrity: shipped.integrity });
        return namespace;
      },
    };
  }

  /** The URL of a package's module in a folder of packages, fetched; undefined if it is not there. */
  async #mirror(
    mirror: string,
    { name, version, path }: Package,
    integrity: string | undefined,
    tried: string[],
  ): Promise<string | undefined> {
    const folders = version === undefined ? [name] : [`${name}@${version}`, name];
    const attempt = async (url: string, found?: string): Promise<string | undefined> => {
      try {
        const { text } = await this.#fetch(url, integrity, {
          name: path === "" ? name : `${name}/${path}`,
          version: found ?? version,
        });
        refuseCommonJs(text, url);
        return url;
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        if (/was refused|CommonJS/.test(message)) throw error;
        tried.push(message);
        return undefined;
      }
    };
    for (const folder of folders) {
      const manifest = await this.#manifest(`${mirror}${folder}/package.json`);
      if (manifest && (folder.includes("@", 1) || satisfies(manifest.version ?? "0.0.0", version))) {
        const entry =
          exportedFile(manifest.exports, path) ??
          (path === "" ? (manifest.module ?? manifest.main ?? "index.js") : path);
        for (const file of /\.[cm]?js$/.test(entry)
          ? [entry]
          : [entry, `${entry}.js`, `${entry}.mjs`, `${entry}/index.js`]) {
          const found = await attempt(new URL(file, `${mirror}${folder}/`).href, manifest.version);
          if (found !== undefined) return found;
        }
        continue;
      }
      const files =
        path === ""
          ? [`${folder}.js`, `${folder}.mjs`, `${folder}/index.js`]
          : [`${folder}/${path}`, `${folder}/${path}.js`];
      for (const file of files) {
        const found = await attempt(mirror + file);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  async #manifest(url: string): Promise<PackageFile | undefined> {
    try {
      const response = await this.#options.fetch(url, { credentials: "omit" });
      return response.ok ? ((await response.json()) as PackageFile) : undefined;
    } catch {
      return undefined;
    }
  }
}
