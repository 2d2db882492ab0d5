/** The worker in which models run and are kept: the engine, on the browser's private file system. */
import { keptNotes } from "#plugins/indexeddb/notes.ts";
import { startPageEngine } from "#plugins/onnx/page-engine.ts";
import { keptModels } from "./kept-models.ts";

const { models, onTokens } = keptModels();
startPageEngine(models, keptNotes("-devices"), onTokens);
