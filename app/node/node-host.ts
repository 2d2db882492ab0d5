/** Where kernels live in Node: a worker thread each, the assets on disk, and the workspace in the notebook's real folder. */
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { OpenChatAccess } from "#core/chat/access.ts";
import type { ChatPlace } from "#core/chat/driver.ts";
import { chatPlace } from "#core/chat/place.ts";
import type { KernelHost, KernelSettings, KernelWorker } from "#core/kernel/kernel.ts";
import { ServiceHost } from "#core/kernel/service-host.ts";
import { nodeContent } from "./content.ts";
import { openMachineFolder } from "./machine-folder.ts";
import { cacheFolder } from "./paths.ts";
import type { HubToken } from "#core/store/fetched.ts";
import { startFolderWorkspace } from "#plugins/folder/folder.node.ts";
import { servicePrograms, services } from "./services.ts";
import { startThread } from "./thread-worker.ts";
import { findVmImage } from "./vm-image.ts";

export interface NodeHostOptions {
  /** The notebook's folder, which all kernels see as /workspace. */
  readonly folder: string;
  /** Instead of the defaults. The shipped wheels and the built Linux image are always added. */
  readonly settings?: Partial<KernelSettings>;
  /** Folder of the shipped files; the built site's by default. */
  readonly assets?: string;
  /** A stranger's notebook: its kernels give up powers, and see of the disk what they need to start. */
  readonly foreign?: boolean;
  /** Folder of what kernels and services may want to find again; the user's cache by default. */
  readonly cache?: string;
  /** Gives the person's language models, for chat cells. */
  readonly chat?: (place: ChatPlace) => OpenChatAccess;
  /** What the person signs in with at model hubs. No cell sees it. */
  readonly modelTokens?: readonly HubToken[];
  /** Whom to ask for content by its CID, beside the gateways of the environment. */
  readonly from?: readonly string[];
  /** Folder of blocks, pins and keys; the user's by default. */
  readonly home?: string;
  /** A folder in which Linux keeps what it changes, and how its troubles are told; without it, it keeps nothing. */
  readonly machine?: { readonly folder: string; readonly report: (sentence: string) => void };
}

/** A KernelHost that must be closed. */
export interface NodeHost extends KernelHost {
  /** Ends every thread that is left; resolves when files are on disk and the threads are gone. */
  close(): Promise<void>;
}

/** The checkout's folder. */
const root = join(import.meta.dirname, "../..");

/** What the threads of kernels load. */
const PROGRAM_FOLDERS: readonly string[] = ["package.json", "app", "core", "kernels", "plugins", "node_modules"].map(
  (name) => join(root, name),
);

/** Where `npm run build` puts the files that kernels load. */
export const builtAssets: string = join(root, "dist/site/assets");

/**
 * Makes a host. The workspace is served from here on. For a stranger's notebook the process goes into the notebook's folder until
 * `close`: whatever else its permissions say, a thread of Node may read the working directory of its process.
 */
export async function createNodeHost(options: NodeHostOptions): Promise<NodeHost> {
  const cameFrom = process.cwd();
  if (options.foreign === true) process.chdir(options.folder);
  const assets = pathToFileURL(join(options.assets ?? builtAssets, "/")).href;
  const threads = new Set<ReturnType<typeof startThread>>();
  const machine = options.machine && (await openMachineFolder(options.machine.folder, options.machine.report));
  const workspace = await startFolderWorkspace(options.folder);
  const vmImage = await findVmImage();
  const given = options.settings ?? defaultSettings;
  const settings: KernelSettings = {
    npmMirrors: [],
    pythonMemory: defaultSettings.pythonMemory,
    vmMemory: defaultSettings.vmMemory,
    ...(vmImage === undefined ? {} : { vmImage: pathToFileURL(join(vmImage, "/")).href }),
    ...given,
    wheelMirrors: [...(given.wheelMirrors ?? []), new URL("wheels/", assets).href],
  };
  const content = nodeContent(options.from ?? [], options.home);
  const place = {
    spawn(program: string): KernelWorker {
      const service = servicePrograms[program];
      const cacheDirectory = join(options.cache ?? cacheFolder(), service?.cache ?? program);
      const readable = [
        assets,
        settings.vmImage,
        ...settings.wheelMirrors,
        ...settings.npmMirrors,
        settings.pyodidePackages,
      ].filter((url): url is string => url?.startsWith("file:") ?? false);
      const file = service?.file ?? join("kernels", program, "worker.ts");
      const data = { program: pathToFileURL(join(root, file)).href, cacheDirectory, readable };
      // Of the checkout a stranger's kernel sees its own code and what that imports; its files come by the workspace. A service
      // runs nobody's code.
      const isConfined = options.foreign === true && service === undefined;
      const confined = [...PROGRAM_FOLDERS, cacheDirectory, ...readable.map((url) => fileURLToPath(url))];
      const thread = startThread(data, isConfined ? confined : undefined);
      threads.add(thread);
      void thread.ended.then(() => threads.delete(thread));
      return thread;
    },
    asset: (path: string) => new URL(path, assets).href,
    workspace: workspace.shared,
    foreign: options.foreign ?? false,
    modelHub: settings.modelHub,
    modelTokens: options.foreign === true ? [] : (options.modelTokens ?? []),
    content,
  };
  const serviceHost = new ServiceHost(services, place);
  const chat = options.chat?.(
    chatPlace({
      asset: place.asset,
      services: () => serviceHost,
      workspace: () => Promise.resolve(workspace.workspace),
    }),
  );
  return {
    ...place,
    settings,
    services: serviceHost,
    foreign: options.foreign ?? false,
    ...(chat ? { chat } : {}),
    ...(machine ? { openMachine: machine.openMachine } : {}),
    async close() {
      chat?.close();
      serviceHost.close();
      const ends = [...threads].map((thread) => thread.ended);
      for (const thread of threads) thread.terminate();
      await Promise.all(ends);
      await content.close();
      await workspace.close();
      await machine?.close();
      if (options.foreign === true) process.chdir(cameFrom);
    },
  };
}
