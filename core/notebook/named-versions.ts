/**
 * Versions of a notebook that have a name. They are kept in the map of the notebook's metadata, which every document has
 * from its first change on, each under a key of its own that is no key of .ipynb metadata (those start with a dot). So
 * two peers who name versions apart from each other both keep theirs, old documents need no migration, and a Kroma that
 * knows nothing of versions leaves them alone.
 */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import type { NamedVersion } from "./model.ts";

/** The longest name, in UTF-16 code units. */
export const MOST_VERSION_NAME = 80;
/** More than this are not shown: a peer could write any number. */
const MOST_VERSIONS = 1000;

const PREFIX = "version:";
const ID = /^[\w-]{1,64}$/;

const StoredVersion = v.object({
  name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(MOST_VERSION_NAME)),
  time: v.pipe(v.number(), v.finite()),
  heads: v.pipe(v.array(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))), v.minLength(1), v.maxLength(1000)),
});

/** The key of a named version in the document's metadata. `invalid` for an id that can't be one. */
export function versionKey(id: string): string {
  if (!ID.test(id)) throw new KromaError("invalid", `"${id}" can't be the id of a version.`);
  return PREFIX + id;
}

/** The version with its name trimmed. `invalid` where there is no name, or a longer one than may be. */
export function checkVersion(version: Omit<NamedVersion, "id">): Omit<NamedVersion, "id"> {
  const checked = v.safeParse(StoredVersion, version);
  if (checked.success) return { ...checked.output, name: checked.output.name.toWellFormed() };
  throw new KromaError("invalid", `A version needs a name of at most ${MOST_VERSION_NAME} characters.`);
}

/** The named versions among the metadata, latest first. What is no version is passed over: a peer may have written it. */
export function readVersions(
  metadata: Readonly<Record<string, unknown>>,
  textOf: (value: unknown) => string,
): readonly NamedVersion[] {
  const versions = Object.keys(metadata).flatMap((key): NamedVersion[] => {
    const id = key.slice(PREFIX.length);
    if (!key.startsWith(PREFIX) || !ID.test(id)) return [];
    const checked = v.safeParse(StoredVersion, parse(textOf(metadata[key])));
    return checked.success ? [{ id, ...checked.output }] : [];
  });
  return versions
    .sort((left, right) => right.time - left.time || (left.id < right.id ? -1 : 1))
    .slice(0, MOST_VERSIONS);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
