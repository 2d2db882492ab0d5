/** `kroma publish FILE --kind model`: a model's file, and those beside it that it needs, as a signed artefact in the home folder. */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, extname, relative, resolve, sep } from "node:path";
import { UNSTATED_LICENCE } from "#core/artefact/licence.ts";
import { nameFrom } from "#core/artefact/notebook-parts.ts";
import { checkPaths } from "#core/artefact/paths.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { sizeText } from "./arguments.ts";
import { authorOf, parentsOf, publishParts, withHome } from "./publish-parts.ts";

/** What was said on the command line. */
export interface ModelArguments {
  readonly car: string | undefined;
  readonly title: string | undefined;
  readonly author: readonly string[] | undefined;
  readonly licence: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly parent: readonly string[] | undefined;
  /** Files beside it that it needs. */
  readonly beside: readonly string[] | undefined;
  readonly say: (line: string) => void;
}

/** Publishes a model; the answer is the exit status. Its root's CID is the only line of standard output. */
export async function publishModel(file: string, said: ModelArguments, terminal: Terminal): Promise<number> {
  const { say } = said;
  const folder = await realpath(dirname(resolve(file))).catch(() => dirname(resolve(file)));
  const files = await Promise.all([file, ...(said.beside ?? [])].map((name) => modelFile(name, folder)));
  checkPaths(files.map(({ path }) => path));
  for (const { path, size } of files) say(`takes ${path} along (${sizeText(size)})`);
  return withHome(async (home, signal) => {
    const authors = said.author?.map(authorOf) ?? [];
    const title = said.title ?? basename(file, extname(file));
    const parts = {
      kind: "model",
      name: said.name ?? nameFrom(title),
      version: said.version ?? "1.0.0",
      title,
      authors,
      licence: said.licence ?? UNSTATED_LICENCE,
      entry: basename(file),
      environment: { packages: [], npm: [] },
      models: [],
      prompts: [],
      capabilities: [],
      parents: said.parent === undefined ? [] : await parentsOf(said.parent, home),
      content: files.map(({ path, place }) => ({ path, content: opened(place) })),
    } as const;
    return publishParts(parts, authors[0], { home, signal, car: said.car, say, terminal });
  });
}

/** A file, by its path below the folder of the model. */
async function modelFile(
  name: string,
  folder: string,
): Promise<{ readonly path: string; readonly place: string; readonly size: number }> {
  const place = await realpath(resolve(name)).catch(() => {
    throw new UsageError(`publish: ${name}: no such file or directory`);
  });
  const found = await stat(place);
  if (!found.isFile()) throw new UsageError(`publish: ${name}: is not a file`);
  // The name that it was given is the one that the model knows, wherever a link leads.
  const path = relative(folder, resolve(await realpath(dirname(resolve(name))), basename(name)))
    .split(sep)
    .join("/");
  if (path.startsWith("../")) throw new UsageError(`publish: --file ${name}: is not in the model's folder`);
  return { path, place, size: found.size };
}

/** Opened when its turn comes. */
async function* opened(place: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(place, { highWaterMark: 2 ** 20 }) as AsyncIterable<Uint8Array>;
}
