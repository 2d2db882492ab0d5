/** The thread in which pipelines run: their models are kept with all others. kernel-thread.ts loads it. */
import { startThreadPipelines } from "#plugins/transformers/thread-pipelines.node.ts";
import { keptModels } from "./kept-models.ts";

const { models, onTokens } = keptModels();
startThreadPipelines(models, onTokens);
