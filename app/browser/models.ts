/** Models as the page has them; loaded when first asked for. */
import type { Artefacts } from "#kit/artefacts.ts";
import type { Models } from "#kit/models.ts";
import { hubTokens } from "./hub-tokens.ts";

/** The way to them; one per page. */
export function createModels(artefacts: () => Artefacts): () => Promise<Models> {
  let opening: Promise<Models> | undefined;
  return () => {
    opening ??= open(artefacts());
    opening.catch(() => (opening = undefined));
    return opening;
  };
}

async function open(artefacts: Artefacts): Promise<Models> {
  const [{ pageModels }, { startModels }, { createPageHost }, { programs }] = await Promise.all([
    import("./page-models.ts"),
    import("#plugins/onnx/service.ts"),
    import("./host.ts"),
    import("./plugins.ts"),
  ]);
  const { spawn, asset } = createPageHost({
    programs,
    services: new Map(),
    workspace: () => undefined,
    foreign: () => false,
    openMachine: () => Promise.reject(new Error("this host has no machine")),
  });
  const service = await startModels({
    spawn,
    asset,
    workspace: undefined,
    foreign: false,
    get modelTokens() {
      return hubTokens();
    },
  });
  return pageModels(artefacts, service);
}
