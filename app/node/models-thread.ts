/** The thread in which models run and are kept: the engine, on a folder of the user's cache. kernel-thread.ts loads it. */
import { startThreadEngine } from "#plugins/onnx/thread-engine.node.ts";
import { keptModels } from "./kept-models.ts";

const { models, onTokens } = keptModels();
startThreadEngine(models, onTokens);
