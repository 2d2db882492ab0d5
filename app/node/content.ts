/** Content by its CID for services on the command line: from the home folder, and from gateways, which it is then kept of. */
import { KromaError } from "#core/base/errors.ts";
import type { ContentSource } from "#core/kernel/services.ts";
import { openHome, type Home } from "./artefacts/home.ts";
import { withAdvice } from "./artefacts/obtain.ts";
import { openSources, type OpenSources } from "./artefacts/sources.ts";

/** A ContentSource that must be closed. */
export interface NodeContent extends ContentSource {
  close(): Promise<void>;
}

/** Opens the home folder when it is first asked. `from` are whom to ask, beside the gateways of the environment. */
export function nodeContent(from: readonly string[], folder?: string): NodeContent {
  let home: Home | undefined;
  const open = new Set<OpenSources>();
  return {
    async get(asked, { signal, onProgress }) {
      home ??= openHome(folder);
      const { models, writing, collect } = home;
      const sources = await openSources(from, asked.from);
      open.add(sources);
      try {
        return await models.get(asked, sources, {
          signal,
          together: writing,
          collect,
          ...(onProgress ? { progress: onProgress } : {}),
        });
      } catch (error) {
        throw error instanceof KromaError ? withAdvice(error, sources) : error;
      } finally {
        open.delete(sources);
        await sources.close();
      }
    },
    async close() {
      for (const sources of open) await sources.close();
      home?.close();
      home = undefined;
    },
  };
}
