/** The worker in which one training runs. */
import type { PortLike } from "#core/base/channel.ts";
import { runTraining } from "#plugins/train/run-training.ts";

runTraining(self as unknown as PortLike);
