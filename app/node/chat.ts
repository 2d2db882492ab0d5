/** The language models of the command line: the environment names one. Kernels' threads have no environment, so no cell sees the key. */
import { type OpenChatAccess, startChatAccess } from "#core/chat/access.ts";
import { chatDrivers, type ChatPlace } from "#core/chat/driver.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { openai } from "#plugins/openai/index.ts";

const kinds = new PluginHost([openai]).get(chatDrivers);

/** What KROMA_CHAT_URL, KROMA_CHAT_MODEL and KROMA_CHAT_KEY say. */
export function chatFromEnvironment(environment: NodeJS.ProcessEnv, place: ChatPlace): OpenChatAccess {
  return startChatAccess({
    kinds,
    place,
    howTo:
      "Set KROMA_CHAT_URL to the address of one, such as http://127.0.0.1:11434/v1, KROMA_CHAT_MODEL to a model's name, and KROMA_CHAT_KEY if it wants a key.",
    choice: () => ({
      driver: openai.id,
      address: environment["KROMA_CHAT_URL"]?.trim() ?? "",
      model: environment["KROMA_CHAT_MODEL"]?.trim() ?? "",
      key: environment["KROMA_CHAT_KEY"]?.trim() ?? "",
    }),
  });
}
