/** The microphone for cells: a recorder that a cell shows, a person starts, and whose sound becomes a file of the notebook. */
import type { Plugin } from "#core/plugin/facet.ts";
import { lazyRenderer, renderers } from "#kit/renderers.ts";
import { RECORDER_MIME } from "./mime.ts";

/** Renderer of recorders. */
export const sound: Plugin = {
  id: "sound",
  provides: [renderers.of(lazyRenderer("recorder", 850, [RECORDER_MIME], () => import("./recorder.ts")))],
};
