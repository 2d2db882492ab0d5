/** `kroma convert`: a notebook as a file of another format. Nothing is run. */
import { extname } from "node:path";
import { type ReadResult, readFile, writeFile } from "#core/notebook/formats.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { type Terminal, UsageError } from "./cli-error.ts";
import { checkWritable, formatOf, readInput, writeAtomically } from "./files.ts";

/** Converts IN to OUT; the answer is the exit status. */
export async function convert(args: readonly string[], terminal: Terminal): Promise<number> {
  const option = args.find((argument) => argument.startsWith("-"));
  if (option !== undefined) throw new UsageError(`convert: there is no option ${option}`);
  const [from, to, ...rest] = args;
  if (from === undefined || to === undefined || rest.length > 0) {
    throw new UsageError("convert: usage: kroma convert IN OUT");
  }
  formatOf(from);
  formatOf(to);
  await checkWritable(to);
  const { notebook, warnings } = read(from, await readInput(from));
  for (const warning of warnings) terminal.say(`${from}: ${warning}`);
  await writeAtomically(to, notebookFile(notebook, to));
  return 0;
}

/** The bytes of a notebook in the format that the name's ending says. */
export function notebookFile(notebook: Notebook, name: string): Uint8Array {
  const format = formatOf(name);
  // A script's comments and plain cells are those of its ending's language; cells of others are marked.
  const language = { ".py": "python", ".ts": "typescript" }[extname(name).toLowerCase()];
  return writeFile(language === undefined ? notebook : { ...notebook, language }, format);
}

function read(name: string, bytes: Uint8Array): ReadResult {
  try {
    return readFile(name, bytes);
  } catch (error) {
    throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
