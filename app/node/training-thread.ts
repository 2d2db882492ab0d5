/** The thread in which one training runs. kernel-thread.ts loads it. */
import type { PortLike } from "#core/base/channel.ts";
import { runTraining } from "#plugins/train/run-training.ts";

runTraining(globalThis as unknown as PortLike);
