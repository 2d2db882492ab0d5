/**
 * Which language model this browser asks, and where. It is kept in this browser's storage, which no cell and no output can
 * read, apart from the other settings, and never in a notebook. A key belongs to one address: another one does not get it.
 */
import { createRoot, createSignal } from "solid-js";
import * as v from "valibot";
import { type OpenChatAccess, startChatAccess } from "#core/chat/access.ts";
import type { ChatChoice, ChatDriverKind, ChatEndpoint, ChatPlace } from "#core/chat/driver.ts";

const KEY = "kroma-chat";
/** The kind that was the only one once. */
const FIRST = "openai";
const field = v.fallback(v.pipe(v.string(), v.trim(), v.maxLength(4096)), "");
const Schema = v.object({
  driver: v.fallback(v.pipe(v.string(), v.minLength(1), v.maxLength(100)), FIRST),
  address: field,
  key: field,
  /** Of the first kind, as it was kept before there were others. */
  model: field,
  /** By kind. */
  models: v.fallback(v.record(v.string(), field), {}),
});
type Kept = Omit<v.InferOutput<typeof Schema>, "model">;
const NONE: Kept = { driver: FIRST, address: "", key: "", models: {} };

function read(): Kept {
  try {
    const stored = v.safeParse(Schema, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
    if (!stored.success) return NONE;
    const { model, models, ...rest } = stored.output;
    return { ...rest, models: model === "" || FIRST in models ? models : { ...models, [FIRST]: model } };
  } catch {
    // Storage denied, or not JSON: none is set.
    return NONE;
  }
}

const [kept, setKept] = createRoot(() => createSignal<Kept>(read()));

/** The choice as it stands. Tracks. */
export function chatChoice(): ChatChoice {
  const { driver, address, key, models } = kept();
  return { driver, address, key, model: models[driver] ?? "" };
}

/** Changes it; false when this browser does not keep it, and it lasts as long as the page. A model is the chosen kind's. */
export function setChatChoice(change: Partial<ChatEndpoint> & { readonly driver?: string }): boolean {
  const before = kept();
  const { model, ...rest } = change;
  const driver = change.driver ?? before.driver;
  const models = model === undefined ? before.models : { ...before.models, [driver]: model };
  const next = { ...before, ...rest, models };
  const isOther = change.address !== undefined && originOf(change.address) !== originOf(before.address);
  const all = isOther && change.key === undefined ? { ...next, key: "" } : next;
  setKept(all);
  try {
    if (JSON.stringify(all) === JSON.stringify(NONE)) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(all));
    return true;
  } catch {
    return false;
  }
}

function originOf(address: string): string {
  return URL.canParse(address) ? new URL(address).origin : address;
}

/** The models of the settings, for the kernels of a notebook. */
export function chatAccess(kinds: ReadonlyMap<string, ChatDriverKind>, place: ChatPlace): OpenChatAccess {
  return startChatAccess({
    kinds,
    place,
    choice: chatChoice,
    howTo:
      "Open Settings and choose one under “Language model”: a server such as Ollama, or a model file. Or name a file of this notebook above the question: “#| model: name.gguf”.",
  });
}
