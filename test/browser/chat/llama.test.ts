/** Model files in a page: llama.cpp in WebAssembly, its file from Kroma, with real models that are made here. */
import "@wllama/wllama";
import type { ChatDriverKind } from "#core/chat/driver.ts";
import { chatDrivers } from "#core/chat/driver.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { llama } from "#plugins/llama/index.ts";
import { chatConformance } from "../../conformance/chat.ts";

const kind = new PluginHost([llama]).get(chatDrivers).get("llama") as ChatDriverKind;

chatConformance("wllama", (place) => kind.start(place));
