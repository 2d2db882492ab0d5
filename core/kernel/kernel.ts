/**
 * Where code runs. A `Kernel` knows how to start one language; a `KernelHost` knows where: workers of the page,
 * threads of Node. Neither knows about cells or documents. A kernel never imports another kernel.
 */
import type { Channel, PortLike } from "../base/channel.ts";
import type { Language } from "../base/ids.ts";
import type { ChatAccess } from "../chat/driver.ts";
import type { Cell, Output } from "../notebook/model.ts";
import type { FromKernel, ToKernel } from "./messages.ts";
import type { KernelServices } from "./service-host.ts";

/** What a kernel is, as data: shown in menus before any of its code is loaded. */
export interface KernelSpec {
  readonly language: Language;
  /** As people say it: "Python", "TypeScript", "Linux shell". */
  readonly displayName: string;
  /** Jupyter's language_info for .ipynb files. */
  readonly languageInfo: Readonly<Record<string, unknown>>;
  /** Jupyter's kernelspec name: "python3", "typescript", "bash". */
  readonly kernelspec: string;
  /** The first line that marks such a cell in a notebook of another language: "%%bash". */
  readonly magics: readonly string[];
  /** It has a machine on which terminals can be opened (K8 to K12). */
  readonly terminals?: boolean;
}

/** A running worker program, from outside. In the page a Worker, in Node a worker thread behind the same face. */
export interface KernelWorker {
  readonly port: PortLike;
  /** Ends it at once, whatever it is doing. */
  terminate(): void;
  /** Called once if it fails to load or throws outside any message: the worker is then of no use. */
  onError(listener: (message: string) => void): () => void;
}

/** The settings that kernels need; all have working defaults and none names a vendor in code. */
export interface KernelSettings {
  /** Folder URL of Pyodide wheels that are not shipped ("…/full/"), or undefined: none. */
  readonly pyodidePackages?: string;
  /** Extra folder URLs tried first for Python wheels and their lock file. */
  readonly wheelMirrors: readonly string[];
  /** Base URL of a PEP 503/691 simple index for `%pip`, or undefined. */
  readonly pythonIndex?: string;
  /** URL template for npm imports that are not shipped: "{name}", "{version}", "{path}" are replaced. */
  readonly npmCdn?: string;
  /** Extra folder URLs tried first for npm modules: `<mirror>/<name>@<version>/…` or `<mirror>/<name>.js`. */
  readonly npmMirrors: readonly string[];
  /** npm modules that the notebook has recorded: their version is taken when none is asked for, their integrity checked. */
  readonly npmLock?: readonly {
    readonly name: string;
    readonly version: string;
    readonly url?: string;
    readonly integrity: string;
  }[];
  /** Base URL of the hub that models are fetched from by their names, or undefined: none. */
  readonly modelHub?: string;
  /** Folder URL that holds the built VM image (manifest.json beside its parts). */
  readonly vmImage?: string;
  /** Where that folder is not there: notes that may name an image by its CID (core/artefact/linux-note.ts). */
  readonly vmImageNotes?: readonly string[];
  /** CID of the image to take instead, from `gateways`. */
  readonly vmImageCid?: string;
  /** Addresses of trustless gateways. */
  readonly gateways?: readonly string[];
  /** Hosts that programs of the Linux machine may reach ("example.org", "example.org:8080", "*.example.org"). */
  readonly webHosts?: readonly string[];
  /** Python heap cap in bytes. */
  readonly pythonMemory: number;
  /** Memory of the Linux machine in bytes. */
  readonly vmMemory: number;
}

/** Where a machine keeps what it changes. */
export interface MachineStore {
  /** Memory of a server as for a workspace, whose tree is the machine's alone; undefined: nothing is kept. */
  readonly shared: SharedArrayBuffer | undefined;
  /** A cell ends when what it changed is stored: for those who leave right after the last one. Otherwise a moment later. */
  readonly atOnce?: boolean;
  /** Says a sentence about what is kept to the person. */
  report(sentence: string): void;
  /** What the sentence said is over. */
  withdraw(sentence: string): void;
}

/** Where kernels live. */
export interface KernelHost {
  /** Starts the worker program of a language ("python", "typescript", "shell"). */
  spawn(program: string): KernelWorker;
  /** Absolute URL (http:, file:) of a shipped file such as "pyodide/pyodide.asm.wasm". Always fetchable in a worker. */
  asset(path: string): string;
  /** The workspace's shared memory (core/workspace), or undefined where there is no SharedArrayBuffer. */
  readonly workspace: SharedArrayBuffer | undefined;
  readonly settings: KernelSettings;
  /** What plugins do for cells (services.ts). Absent: nothing. */
  readonly services?: KernelServices;
  /** The person's language model. For the outside parts of kernels only: the code in cells never gets at its key. */
  readonly chat?: ChatAccess;
  /**
   * Opens the store of the notebook's machine for a new start of it; never rejects. An earlier start loses it: two
   * machines on one disk would ruin it. Absent: machines keep nothing.
   */
  readonly openMachine?: () => Promise<MachineStore>;
  /**
   * Calls `work` once, when there is time and memory to make ready what may never be wanted. Returns the way to take
   * it back. Absent: there never is.
   */
  readonly whenAtRest?: (work: () => void) => () => void;
  /** True: the notebook came from elsewhere; the worker must give up storage and other origins' powers first. */
  readonly foreign: boolean;
}

/** A cell as a kernel may see it that works with the notebook itself. */
export interface SeenCell extends Pick<Cell, "id" | "kind" | "language" | "source"> {
  readonly outputs: readonly Output[];
}

export interface KernelStart {
  readonly host: KernelHost;
  /** Ends the start, or the running kernel, at once. */
  readonly signal: AbortSignal;
  /** The notebook's cells of the kernel's language, so that it can make ready what they will use. */
  readonly sources?: () => readonly string[];
  /** All cells of the notebook in order, with their outputs, as they are when it is called. */
  readonly cells?: () => readonly SeenCell[];
}

/** How to start a language. `start` resolves with the channel at once; readiness is told by `status` messages. */
export interface Kernel {
  readonly spec: KernelSpec;
  start(options: KernelStart): Promise<Channel<FromKernel, ToKernel>>;
  /** Begins what a start needs nothing of the notebook for: one is about to come, once the host has the workspace. */
  prepare?(host: KernelHost): void;
  /** The host's notebook is closed: what was kept ready for its next start goes. Its channels end by themselves. */
  forget?(host: KernelHost): void;
}

/** The first message every kernel worker gets; later ones are ToKernel. Extra fields are the kernel's own. */
export interface KernelInit {
  readonly type: "init";
  /** Protocol version, 1. */
  readonly version: 1;
  readonly workspace: SharedArrayBuffer | undefined;
  readonly settings: KernelSettings;
  readonly foreign: boolean;
  /** URL (ending in "/") under which assets are found: asset("x") === assets + "x". */
  readonly assets: string;
}

/** Directory at which every kernel mounts the workspace and starts. */
export const WORKSPACE_DIRECTORY = "/workspace";
