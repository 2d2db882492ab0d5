/** Where kernels live in the page: module workers of this tab, one per language. */
import type { ChatAccess } from "#core/chat/driver.ts";
import type { KernelHost, KernelWorker } from "#core/kernel/kernel.ts";
import { ServiceHost } from "#core/kernel/service-host.ts";
import type { ContentSource, Service } from "#core/kernel/services.ts";
import type { FilePeers } from "#core/store/fetched.ts";
import type { ModelUse } from "#kit/models.ts";
import { hubTokens } from "./hub-tokens.ts";
import { kernelSettings, readSettings } from "./settings.ts";

/** The KernelHost of a page; its settings are read again at each use, so a kernel starts with the present ones. */
export interface PageHost extends KernelHost {
  /** What models of its cells take in memory; undefined while none was loaded. */
  modelUse(): Promise<ModelUse | undefined>;
  /** Ends what plugins do for its cells. */
  close(): void;
}

/** One per open notebook. `program` gives the worker of a language. */
export function createPageHost(options: {
  readonly programs: Readonly<Record<string, () => Worker>>;
  /** What plugins do for cells. */
  readonly services: ReadonlyMap<string, Service>;
  readonly workspace: () => SharedArrayBuffer | undefined;
  readonly foreign: () => boolean;
  readonly openMachine: NonNullable<KernelHost["openMachine"]>;
  readonly webHosts?: () => readonly string[];
  /** What services get by CID. */
  readonly content?: ContentSource;
  /** The people of the notebook, who may have what its services fetch. */
  readonly peers?: FilePeers;
  readonly chat?: ChatAccess;
}): PageHost {
  const asset = (path: string): string => new URL(`assets/${path}`, document.baseURI).href;
  const place = {
    spawn(program: string): KernelWorker {
      const start = options.programs[program];
      if (!start) throw new Error(`There is no worker program for ${program}`);
      return wrapWorker(start());
    },
    asset,
    content: options.content,
    get isOffline() {
      return options.foreign();
    },
    get modelHub() {
      return readSettings().modelHub;
    },
    get peers() {
      return options.foreign() ? undefined : options.peers;
    },
    get modelTokens() {
      return options.foreign() ? [] : hubTokens();
    },
    get workspace() {
      return options.workspace();
    },
    get foreign() {
      return options.foreign();
    },
  };
  const services = new ServiceHost(options.services, place);
  return {
    spawn: place.spawn,
    asset,
    services,
    async modelUse() {
      const call = { client: "page", method: "status", value: undefined, buffers: [] };
      // Asking would start them.
      const running = ["ml", "pipelines"].filter((service) => services.isRunning(service));
      const asked = running.map((service) => services.call(service, { ...call, signal: new AbortController().signal }));
      return together((await Promise.all(asked)).map(({ value }) => value as ModelUse));
    },
    close: () => services.close(),
    get workspace() {
      return options.workspace();
    },
    get settings() {
      return { ...kernelSettings(readSettings(), asset), webHosts: options.webHosts?.() ?? [] };
    },
    get foreign() {
      return options.foreign();
    },
    openMachine: options.openMachine,
    ...(options.chat ? { chat: options.chat } : {}),
    ...(hasSpareMemory() ? { whenAtRest } : {}),
  };
}

/** What several services take, as one; undefined of none. */
function together(uses: readonly ModelUse[]): ModelUse | undefined {
  if (uses.length === 0) return undefined;
  const sum = (of: (use: ModelUse) => number): number => uses.reduce((all, use) => all + of(use), 0);
  return {
    budget: sum(({ budget }) => budget),
    used: sum(({ used }) => used),
    models: uses.flatMap(({ models }) => models),
  };
}

/** GiB that a device must have; browsers that do not tell are those of desktops, and of telephones, which have a coarse pointer. */
const SPARE_MEMORY = 4;

function hasSpareMemory(): boolean {
  const { deviceMemory } = navigator as { deviceMemory?: number };
  return deviceMemory === undefined ? !matchMedia("(pointer: coarse)").matches : deviceMemory >= SPARE_MEMORY;
}

/** When the page is on screen and its thread has nothing to do. */
function whenAtRest(work: () => void): () => void {
  let handle: number | undefined;
  const look = (): void => {
    if (document.visibilityState !== "visible") return;
    document.removeEventListener("visibilitychange", look);
    if ("requestIdleCallback" in globalThis) handle = requestIdleCallback(work);
    else work();
  };
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    if (handle !== undefined) cancelIdleCallback(handle);
  };
}

function wrapWorker(worker: Worker): KernelWorker {
  return {
    port: worker,
    terminate: () => worker.terminate(),
    onError(listener) {
      const hear = (event: Event): void => {
        event.preventDefault();
        listener(event instanceof ErrorEvent && event.message ? event.message : "The worker could not be loaded.");
      };
      worker.addEventListener("error", hear);
      return () => worker.removeEventListener("error", hear);
    },
  };
}
