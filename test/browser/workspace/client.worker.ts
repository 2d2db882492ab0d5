/** A worker that runs the blocking rules on a workspace, and what else tests ask of a blocking client. */
import { SyncFs } from "#core/workspace/sync-client.ts";
import { checkAgainstModel } from "../../conformance/workspace-model.ts";
import { pattern, SYNC_RULES } from "../../conformance/workspace.ts";

export type ToClient =
  | { readonly do: "rule"; readonly shared: SharedArrayBuffer; readonly index: number }
  | { readonly do: "model"; readonly shared: SharedArrayBuffer; readonly runs: number }
  | { readonly do: "hold"; readonly shared: SharedArrayBuffer; readonly owner: number; readonly path: string }
  | { readonly do: "measure"; readonly shared: SharedArrayBuffer };

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
    if (message.do === "model") return checkAgainstModel(a, b, "model", message.runs);
    return measure(a);
  } finally {
    a.release();
    b.release();
  }
}

/** Milliseconds of common work. */
function measure(fs: SyncFs): Record<string, number> {
  const time = (work: () => void) => {
    const start = performance.now();
    work();
    return performance.now() - start;
  };
  const big = pattern(16 << 20);
  const directory = fs.makeDirectories("measure");
  const result = {
    roundTrip:
      time(() => {
        for (let i = 0; i < 5000; i++) fs.statfs();
      }) / 5000,
    write16: time(() => fs.writeFile("measure/big", big)),
    read16: time(() => fs.readFile("measure/big")),
    create500: time(() => {
      for (let i = 0; i < 500; i++) fs.writeFile(`measure/f${i}`, "x");
    }),
    read500: time(() => {
      for (let i = 0; i < 500; i++) fs.readFile(`measure/f${i}`);
    }),
    list500: time(() => fs.readdir(directory)),
    sync: time(() => fs.sync()),
  };
  fs.remove("measure");
  return result;
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
