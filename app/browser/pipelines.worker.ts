/** The worker in which pipelines run: their models are kept with all others, on the browser's private file system. */
import { startPagePipelines } from "#plugins/transformers/page-pipelines.ts";
import { unkeptFiles } from "#plugins/transformers/unkept-files.ts";
import { keptModels } from "./kept-models.ts";

const { models, onTokens } = keptModels();
startPagePipelines(models ?? unkeptFiles((url, init) => fetch(url, { ...init, credentials: "omit" })), onTokens);
