/** The service "pipelines" as a page or Node process has it: a worker of its own, apart from the engine of `kroma.ml.load`. */
import { ProgramService } from "#core/kernel/program-service.ts";
import type { RunningService, ServicePlace } from "#core/kernel/services.ts";

/** Starts the service; the worker comes with the first call. */
export const startPipelineService = (place: ServicePlace): Promise<RunningService> =>
  Promise.resolve(
    new ProgramService(place, {
      program: "transformers",
      title: "The worker of pipelines",
      signsIn: true,
      ofAllNotebooks: [],
    }),
  );
