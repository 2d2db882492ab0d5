/** Program of a thread that appends to a file of its own and adds to a shared counter under a lock. */
import { workerData } from "node:worker_threads";
import { SyncFs } from "#core/workspace/sync-client.ts";

const { shared, id, rounds } = workerData as {
  readonly shared: SharedArrayBuffer;
  readonly id: number;
  readonly rounds: number;
};
const fs = new SyncFs(shared);
const directory = fs.resolve("")?.inode ?? 0;
const counter = fs.create(directory, "counter", 0o100644).inode;
const lock = { type: 1, start: 0, length: 0, process: id } as const;
for (let i = 0; i < rounds; i++) {
  fs.appendFile(`own-${id}`, `line ${i}\n`);
  while (!fs.lock(counter, lock));
  const count = Number(fs.readText("counter"));
  fs.writeFile("counter", String(count + 1));
  fs.lock(counter, { ...lock, type: 2 });
}
fs.release();
