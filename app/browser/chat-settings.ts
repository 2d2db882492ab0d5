/**
 * Where this browser asks a language model. It is kept in this browser's storage, which no cell and no output can read,
 * apart from the other settings, and never in a notebook. A key belongs to one address: another one does not get it.
 */
import { createRoot, createSignal } from "solid-js";
import * as v from "valibot";
import type { ChatAccess, ChatDriverKind, ChatEndpoint } from "#core/chat/driver.ts";

const KEY = "kroma-chat";
const DRIVER = "openai";
const field = v.fallback(v.pipe(v.string(), v.trim(), v.maxLength(4096)), "");
const Schema = v.object({ address: field, model: field, key: field });
const NONE: ChatEndpoint = { address: "", model: "", key: "" };

function read(): ChatEndpoint {
  try {
    const stored = v.safeParse(Schema, JSON.parse(localStorage.getItem(KEY) ?? "{}"));
    return stored.success ? stored.output : NONE;
  } catch {
    // Storage denied, or not JSON: none is set.
    return NONE;
  }
}

const [endpoint, setEndpoint] = createRoot(() => createSignal<ChatEndpoint>(read()));

/** The endpoint as it stands. Tracks. */
export const chatEndpoint = endpoint;

/** Changes it; false when this browser does not keep it, and it lasts as long as the page. */
export function setChatEndpoint(change: Partial<ChatEndpoint>): boolean {
  const before = endpoint();
  const next = { ...before, ...change };
  const isOther = change.address !== undefined && originOf(change.address) !== originOf(before.address);
  const kept = isOther && change.key === undefined ? { ...next, key: "" } : next;
  setEndpoint(kept);
  try {
    if (kept.address === "" && kept.model === "" && kept.key === "") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}

function originOf(address: string): string {
  return URL.canParse(address) ? new URL(address).origin : address;
}

/** The model of the settings, for the kernels of a notebook. */
export function chatAccess(kinds: ReadonlyMap<string, ChatDriverKind>): ChatAccess {
  return {
    howTo:
      "Open Settings and give the address of one under “Language model”, such as http://127.0.0.1:11434/v1 for Ollama.",
    open: () => (endpoint().address === "" ? undefined : kinds.get(DRIVER)?.open(endpoint())),
  };
}
