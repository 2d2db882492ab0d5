/** The language models of the command line: the environment names one. Kernels' threads have no environment, so no cell sees the key. */
import { openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, relative, resolve } from "node:path";
import { type OpenChatAccess, startChatAccess } from "#core/chat/access.ts";
import { chatDrivers, type ChatPlace } from "#core/chat/driver.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { nodeLlama } from "#plugins/llama/llama.node.ts";
import { openai } from "#plugins/openai/index.ts";

const kinds = new PluginHost([openai, nodeLlama]).get(chatDrivers);

/** What KROMA_CHAT_URL, KROMA_CHAT_MODEL and KROMA_CHAT_KEY say. A model without an address is a file. */
export function chatFromEnvironment(environment: NodeJS.ProcessEnv, place: ChatPlace, folder: string): OpenChatAccess {
  const read = (name: string): string => environment[name]?.trim() ?? "";
  const address = read("KROMA_CHAT_URL");
  const model = read("KROMA_CHAT_MODEL");
  const own = address === "" && model !== "" ? resolve(model) : undefined;
  return startChatAccess({
    kinds,
    place: withDisk(place, folder, model, own),
    howTo:
      "Set KROMA_CHAT_MODEL to the path of a model file (GGUF); or KROMA_CHAT_URL to the address of a server, such as http://127.0.0.1:11434/v1, KROMA_CHAT_MODEL to a model that it has, and KROMA_CHAT_KEY if it wants a key.",
    choice: () => ({ driver: address === "" ? nodeLlama.id : openai.id, address, model, key: read("KROMA_CHAT_KEY") }),
  });
}

/**
 * The same place, but files are used where they are on the disk, however large: those below the notebook's folder, and the
 * one that the person named, which may be anywhere. The rest is found as everywhere.
 */
function withDisk(place: ChatPlace, folder: string, model: string, own: string | undefined): ChatPlace {
  const pathOf = (source: string): string | undefined => {
    if (own !== undefined && source === model) return own;
    const path = resolve(folder, source.replace(/^\/workspace\//, ""));
    const below = relative(folder, path);
    return below.startsWith("..") || isAbsolute(below) ? undefined : path;
  };
  return {
    ...place,
    async openModel(source, options) {
      const path = pathOf(source);
      const found = path === undefined ? undefined : await stat(path).catch(() => undefined);
      if (path === undefined || !found?.isFile()) return place.openModel(source, options);
      const fingerprint = `${path} ${found.ino} ${found.size} ${found.mtimeMs}`;
      const file = fingerprint === options.unless ? undefined : await openAsBlob(path);
      return { name: source, fingerprint, file, path };
    },
  };
}
