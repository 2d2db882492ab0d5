/** A worker that runs the blocking rules on a workspace, and what else tests ask of a blocking client. */
import { SyncFs } from "#core/workspace/sync-client.ts";
import { checkAgainstModel } from "../../conformance/workspace-model.ts";
import { SYNC_RULES } from "../../conformance/workspace.ts";

export type ToClient =
  | { readonly do: "rule"; readonly shared: SharedArrayBuffer; readonly index: number }
  | { readonly do: "model"; readonly shared: SharedArrayBuffer; readonly runs: number }
  | { readonly do: "hold"; readonly shared: SharedArrayBuffer; readonly owner: number; readonly path: string };

function perform(message: ToClient): unknown {
  if (message.do === "hold") {
    // What a program does that is then killed: a file open, a lock held, the slot never given back.
    const fs = new SyncFs(message.shared, { owner: message.owner });
    const inode = fs.writeFile(message.path, "held");
    fs.open(inode);
    return fs.lock(inode, { type: 1, start: 0, length: 0, process: 1 });
  }
  const a = new SyncFs(message.shared);
  const b = new SyncFs(message.shared);
  try {
    if (message.do === "rule") return SYNC_RULES[message.index]?.run(a, b, `rule-${message.index}/inside`);
    return checkAgainstModel(a, b, "model", message.runs);
  } finally {
    a.release();
    b.release();
  }
}

self.addEventListener("message", (event: MessageEvent<ToClient>) => {
  try {
    const result = perform(event.data);
    self.postMessage({ result });
  } catch (error) {
    const cause = error instanceof Error && error.cause ? `\n${String(error.cause)}` : "";
    self.postMessage({ error: `${error instanceof Error ? error.message : String(error)}${cause}` });
  }
});
