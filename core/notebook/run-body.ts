/**
 * Outputs of a run on their way into and out of the document: as JSON inside it while they are small, else as a block
 * beside it. A block that a peer has and we don't is not an error: the outputs are then not here yet.
 */
import type { BlockStore } from "../store/stores.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import type { Output, Run } from "./model.ts";

/** Where the outputs are. */
export type RunBody = { readonly json: string } | { readonly cid: string };

/** What a body holds. */
export type RunContent = Pick<Run, "outputs" | "shape">;

/** Outputs of more bytes than this are kept as a block. */
export const INLINE_LIMIT = 64 * 1024;

/** Puts away the outputs of a run. When the block store refuses, they go into the document: nothing is lost. */
export async function storeRunBody(run: RunContent, blocks: BlockStore): Promise<RunBody> {
  const json = canonicalJson(run.shape ? { outputs: run.outputs, shape: run.shape } : { outputs: run.outputs });
  if (json.length <= INLINE_LIMIT / 3) return { json };
  const bytes = new TextEncoder().encode(json);
  if (bytes.length <= INLINE_LIMIT) return { json };
  try {
    return { cid: await blocks.put(bytes) };
  } catch {
    return { json };
  }
}

/** The outputs again; undefined when the block is not here or is broken. */
export async function loadRunBody(body: RunBody, blocks: BlockStore): Promise<RunContent | undefined> {
  if ("json" in body) return parseRunContent(body.json);
  try {
    const bytes = await blocks.get(body.cid);
    return bytes && parseRunContent(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** The outputs in a body's JSON; what is no output is left out, for a peer may have written it. */
export function parseRunContent(json: string): RunContent | undefined {
  try {
    const content = JSON.parse(json) as { outputs?: unknown; shape?: unknown };
    if (!Array.isArray(content.outputs)) return undefined;
    const outputs = content.outputs.filter(isOutput);
    return Array.isArray(content.shape) && outputs.length === content.outputs.length
      ? { outputs, shape: content.shape }
      : { outputs };
  } catch {
    return undefined;
  }
}

function isOutput(value: unknown): value is Output {
  if (typeof value !== "object" || value === null) return false;
  const output = value as Readonly<Record<string, unknown>>;
  switch (output["output_type"]) {
    case "stream":
      return typeof output["text"] === "string";
    case "display_data":
    case "execute_result":
      return typeof output["data"] === "object" && output["data"] !== null;
    case "error":
      return typeof output["ename"] === "string" && Array.isArray(output["traceback"]);
    default:
      return false;
  }
}
