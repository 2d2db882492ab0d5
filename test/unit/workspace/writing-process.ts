/** A process that writes to a store until it is killed, and says on standard output how many files are committed. */
import { writeSync } from "node:fs";
import { MODE, ROOT } from "#core/workspace/protocol.ts";
import { TreeStore } from "#core/workspace/tree-store.ts";
import { pattern } from "../../conformance/workspace.ts";
import { storeHandles } from "./file-handle.ts";

const tree = new TreeStore({ ...storeHandles(process.argv[2] as string), compactAt: 20_000 });
const put = (name: string, bytes: Uint8Array) => {
  const { inode } = tree.create(ROOT, name, MODE.file | 0o644, "", false);
  tree.write(inode, 0, bytes);
};
for (let n = 0; n < 100_000; n++) {
  put(`f${n}`, pattern(n % 9000, n + 1));
  put("state.tmp", new TextEncoder().encode(JSON.stringify({ n })));
  tree.rename(ROOT, "state.tmp", ROOT, "state.json");
  if (n % 3 === 0) {
    tree.commit();
    writeSync(1, `${n + 1}\n`);
  }
  if (n % 50 === 0) tree.sync();
}
