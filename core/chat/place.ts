/** What drivers may use of where they run, made of what every KernelHost has: its services, its assets, its files. */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import type { KernelServices } from "../kernel/service-host.ts";
import type { Workspace } from "../workspace/workspace.ts";
import type { ChatPlace } from "./driver.ts";

/** Files that are looked through for models, and the depth of folders. */
const MOST_FILES = 5000;
const DEEPEST = 8;

const Found = v.object({
  name: v.string(),
  fingerprint: v.optional(v.string()),
  file: v.optional(v.instance(Blob)),
});
const Progress = v.object({ url: v.string(), bytes: v.number(), total: v.optional(v.number()) });

/** The place of a notebook's drivers. Models are found by the service "ml", so that a name means the same in every cell. */
export function chatPlace(parts: {
  readonly asset: (path: string) => string;
  readonly services: () => KernelServices | undefined;
  readonly workspace: () => Promise<Workspace | undefined>;
}): ChatPlace {
  return {
    asset: parts.asset,
    async openModel(source, { signal, onStage, unless }) {
      const services = parts.services();
      if (!services) throw new KromaError("missing", "Models can't be opened here.");
      const onProgress = (value: unknown): void => {
        const progress = v.safeParse(Progress, value);
        if (progress.success) onStage(progressSentence(progress.output));
      };
      const value = { source, ...(unless === undefined ? {} : { unless }) };
      const call = { client: "chat", method: "open", value, buffers: [], signal, onProgress };
      const answer = await services.call("ml", call).catch((error: unknown) => {
        throw isMissingPath(error, source)
          ? new KromaError("missing", `There is no file ${source} among the files of this notebook.`)
          : error;
      });
      const { name, fingerprint, file } = v.parse(Found, answer.value);
      return { name, fingerprint, file };
    },
    async files(ending) {
      const workspace = await parts.workspace();
      return workspace ? filesEnding(workspace, ending) : [];
    },
  };
}

/** Whether a path was not found: what models ship is of no help to a chat. */
const isMissingPath = (error: unknown, source: string): boolean =>
  error instanceof KromaError && error.code === "missing" && /\.gguf$/i.test(source) && !/^[a-z]+:/i.test(source);

async function filesEnding(workspace: Workspace, ending: string): Promise<readonly string[]> {
  const found: string[] = [];
  let seen = 0;
  const look = async (folder: string, depth: number): Promise<void> => {
    for (const { path, kind } of await workspace.list(folder)) {
      seen += 1;
      if (seen > MOST_FILES) return;
      if (kind === "file" && path.toLowerCase().endsWith(ending)) found.push(path);
      if (kind === "directory" && depth < DEEPEST) await look(path, depth + 1);
    }
  };
  await look("", 1);
  return found.sort();
}

function progressSentence({ url, bytes, total }: v.InferOutput<typeof Progress>): string {
  const name = url.slice(url.lastIndexOf("/") + 1) || url;
  const megabytes = (count: number): string => Math.round(count / 1e6).toLocaleString("en");
  return `Fetching ${name}, ${megabytes(bytes)}${total === undefined ? "" : ` of ${megabytes(total)}`} MB`;
}
