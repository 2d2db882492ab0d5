/** The file worker of one open notebook: serves its workspace from the browser's private file system. */
import type { PortLike } from "#core/base/channel.ts";
import { runOpfsWorker } from "#plugins/opfs/opfs-worker.ts";

runOpfsWorker(self as unknown as PortLike);
