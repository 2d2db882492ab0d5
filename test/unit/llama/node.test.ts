/** Model files in Node: llama.cpp as node-llama-cpp brings it, with real models that are made here. */
import type { ChatDriverKind } from "#core/chat/driver.ts";
import { chatDrivers } from "#core/chat/driver.ts";
import { PluginHost } from "#core/plugin/facet.ts";
import { nodeLlama } from "#plugins/llama/llama.node.ts";
import { chatConformance } from "../../conformance/chat.ts";

const kind = new PluginHost([nodeLlama]).get(chatDrivers).get("llama") as ChatDriverKind;

chatConformance("node-llama-cpp", (place) => kind.start(place));
