/** The arguments of verbs about artefacts: read in one way, wrong ones refused in one way. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { readAddress, type ArtefactAddress } from "#core/artefact/address.ts";
import { UsageError } from "../cli-error.ts";

/** Options and the rest of a verb's arguments; a usage error, with the verb's name, for what it does not take. */
export function readArguments<const T extends ParseArgsOptionsConfig>(
  verb: string,
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(`${verb}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The one argument that names an artefact, or anything else by CID. */
export function oneAddress(verb: string, positionals: readonly string[]): ArtefactAddress {
  const [text, ...rest] = positionals;
  if (text === undefined) throw new UsageError(`${verb}: which one? Give a CID, or a link to it`);
  if (rest.length > 0) throw new UsageError(`${verb}: one at a time, not also ${rest.join(" ")}`);
  const address = readAddress(text);
  if (!address) throw new UsageError(`${verb}: "${text.slice(0, 100)}" is no CID and no link with one in it`);
  return address;
}

/** A number of bytes for people. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  const [unit, divisor] = bytes < 1e6 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(bytes / (divisor as number)).toFixed(1)} ${unit}`;
}

/** A count with its word. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  count === 1 ? `one ${one}` : `${count} ${many}`;
