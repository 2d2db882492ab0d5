/** The service "ml" as a page or Node process has it: the engine's worker. */
import { ProgramService } from "#core/kernel/program-service.ts";
import type { RunningService, ServicePlace } from "#core/kernel/services.ts";

/** Starts the service; the worker comes with the first call. */
export const startModels = (place: ServicePlace): Promise<RunningService> =>
  Promise.resolve(
    new ProgramService(place, {
      program: "onnx",
      title: "The engine that runs models",
      signsIn: true,
      ofAllNotebooks: ["stored", "forget", "fetch", "read", "block", "pin"],
    }),
  );
