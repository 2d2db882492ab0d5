/** The file worker: holds one notebook's files in the browser's private file system. */
import { runOpfsWorker } from "#plugins/opfs/opfs-worker.ts";

runOpfsWorker(self);
