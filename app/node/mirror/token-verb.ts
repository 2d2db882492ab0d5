/** `kroma mirror token`: makes, lists and takes away the tokens of a mirror, while it runs or not. */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Terminal, UsageError } from "../cli-error.ts";
import { dataFolder } from "../paths.ts";
import { readSize } from "./sizes.ts";
import { Tokens } from "./tokens.ts";

/** Where, in a mirror's data folder, what was published is. */
export const PUBLISHED_FOLDER = "published";

/** Makes a token, which is the only line of standard output; the answer is the exit status. */
export async function mirrorToken(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readOptions(args);
  const tokens = new Tokens(join(values.data ?? join(dataFolder(), "mirror"), PUBLISHED_FOLDER));
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`mirror token: one name, not also ${rest.join(" ")}`);
  if (name === undefined) {
    for (const one of await tokens.list()) terminal.out(`${one.name}\t${one.quota}\n`);
    return 0;
  }
  if (values.remove === true) {
    if (await tokens.remove(name)) return 0;
    terminal.say(`mirror token: there is no token of ${name}`);
    return 1;
  }
  const token = await tokens.make(
    name,
    values.quota === undefined ? undefined : readSize("mirror token: --quota", values.quota),
  );
  terminal.say(`a token for ${name}, which is shown this once; one before it is of no use any more`);
  terminal.out(`${token}\n`);
  return 0;
}

function readOptions(args: readonly string[]): {
  readonly values: { data?: string; quota?: string; remove?: boolean };
  readonly positionals: readonly string[];
} {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { data: { type: "string" }, quota: { type: "string" }, remove: { type: "boolean" } },
    });
  } catch (error) {
    throw new UsageError(`mirror token: ${error instanceof Error ? error.message : String(error)}`);
  }
}
