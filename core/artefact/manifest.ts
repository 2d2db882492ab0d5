/**
 * The root block of an artefact: what it is, what it holds and needs, and whose. It is dag-cbor in its one spelling
 * (https://ipld.io/specs/codecs/dag-cbor/spec/), without clock, chance or keys: the same artefact has the same name on every
 * machine. Whose it is beyond doubt says the envelope beside it. Rules: SPEC.md, R1 to R8.
 */
import * as dagCbor from "@ipld/dag-cbor";
import { CID } from "multiformats/cid";
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import { codecOf, parseCid } from "../store/cid.ts";
import { pathParts, quoted } from "./paths.ts";

/** The name of this shape of a root. Another shape has another name. */
export const ARTEFACT_SCHEMA = "kroma/artefact/1";

export const ARTEFACT_KINDS = ["notebook", "component", "model", "data", "app"] as const;
export type ArtefactKind = (typeof ARTEFACT_KINDS)[number];

/** Where, in `files`, the notebook of an artefact is. */
export const NOTEBOOK_PATH = "notebook.ipynb";
/** Where the page is that shows it without Kroma. */
export const PAGE_PATH = "index.html";
/** Where its Custom Elements Manifest is. */
export const COMPONENTS_PATH = "custom-elements.json";

/** Somebody who made it, in their own words; it proves nothing. */
export interface Author {
  readonly name: string;
  readonly email?: string;
  readonly url?: string;
}

/** A wheel or a package of Pyodide, locked by its hash. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** Where it came from: a web address, or "pyodide". */
  readonly source: string;
}

/** A package of npm that cells import, locked by its integrity (https://www.w3.org/TR/SRI/). */
export interface LockedModule {
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
}

/** What has to be there for it to run as it did. */
export interface Environment {
  readonly pyodide?: string;
  readonly packages: readonly LockedPackage[];
  readonly npm: readonly LockedModule[];
  /** CID of the Linux image. */
  readonly image?: string;
}

/** A model that it uses, by CID. */
export interface ModelLink {
  readonly name: string;
  readonly cid: string;
  /** In bytes. */
  readonly size: number;
}

/** A text for a language model. */
export interface Prompt {
  readonly name: string;
  readonly text: string;
}

/**
 * All that an artefact says of itself. CIDs are texts here. In the block those of what belongs to it are links (files, notebook,
 * components, models): a pin, a CAR and a fetch go through them. Those of what it only names (parents, the Linux image) stay
 * texts, else whoever pins a fork would have to keep everything it ever came from.
 */
export interface Manifest {
  readonly kind: ArtefactKind;
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly authors: readonly Author[];
  /** An SPDX expression, or other words. */
  readonly licence: string;
  /** The path, in `files`, of what is opened first. */
  readonly entry: string;
  /** The UnixFS directory with all files. */
  readonly files: string;
  /** The file "notebook.ipynb" in `files`. */
  readonly notebook?: string;
  readonly environment: Environment;
  readonly models: readonly ModelLink[];
  readonly prompts: readonly Prompt[];
  /** The file "custom-elements.json" in `files`. */
  readonly components?: string;
  /** Powers that it asks for, by name. None is given by asking. */
  readonly capabilities: readonly string[];
  /** Artefacts that it was made from. */
  readonly parents: readonly string[];
}

/** The largest root block; what is bigger is no description. */
export const MOST_ROOT_BYTES = 1024 * 1024;

const MOST_LIST = 1000;
const text = (most: number) =>
  v.pipe(
    v.string(),
    v.maxLength(most),
    v.check((value) => value.isWellFormed() && !value.includes("\0"), "not a fit text"),
  );
const line = (most: number) => v.pipe(text(most), v.minLength(1), v.regex(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u));
const list = <T extends v.GenericSchema>(item: T, most = MOST_LIST) => v.pipe(v.array(item), v.maxLength(most));

/** A link of the block as the text of its CID, and back. */
const link = v.pipe(
  v.custom<unknown>((value) => CID.asCID(value) !== null, "not a link"),
  v.transform((value) => (CID.asCID(value) as CID).toString()),
  v.check(isKnownCid, "not a link that can be followed"),
);

/** The text of a CID in the one spelling of version 1, for what is only named. */
const name = v.pipe(
  v.string(),
  v.check((text) => isKnownCid(text) && parseCid(text).toV1().toString() === text, "not a CID in base32"),
);

const environmentSchema = v.strictObject({
  pyodide: v.exactOptional(line(64)),
  packages: list(
    v.strictObject({
      name: line(200),
      version: line(100),
      sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      source: line(2000),
    }),
  ),
  npm: list(v.strictObject({ name: line(214), version: line(100), integrity: line(500) })),
  image: v.exactOptional(name),
});

const schema = v.strictObject({
  schema: v.literal(ARTEFACT_SCHEMA),
  kind: v.picklist(ARTEFACT_KINDS),
  name: v.pipe(v.string(), v.regex(/^[a-z0-9][a-z0-9._-]{0,99}$/)),
  version: v.pipe(v.string(), v.regex(/^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/)),
  title: line(300),
  authors: list(
    v.strictObject({ name: line(200), email: v.exactOptional(line(254)), url: v.exactOptional(line(2000)) }),
    100,
  ),
  licence: line(200),
  entry: v.pipe(v.string(), v.check(isPath, "not a path")),
  files: link,
  notebook: v.exactOptional(link),
  environment: environmentSchema,
  models: list(
    v.strictObject({ name: line(200), cid: link, size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
    100,
  ),
  prompts: list(v.strictObject({ name: line(200), text: text(200_000) }), 100),
  components: v.exactOptional(link),
  capabilities: list(v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]*(:[\x21-\x7e]{1,200})?$/)), 100),
  parents: list(name, 16),
});

/** The root block of a manifest, in its one spelling. `invalid`, with the field's name, when one may not be so. */
export function encodeRoot(manifest: Manifest): Uint8Array {
  const { environment, models } = manifest;
  const value = defined({
    ...manifest,
    schema: ARTEFACT_SCHEMA,
    authors: manifest.authors.map(defined),
    files: linkTo(manifest.files),
    notebook: manifest.notebook && linkTo(manifest.notebook),
    environment: defined(environment),
    models: models.map((model) => ({ ...model, cid: linkTo(model.cid) })),
    components: manifest.components && linkTo(manifest.components),
  });
  const checked = v.safeParse(schema, value);
  if (!checked.success) throw new KromaError("invalid", `This can't be published: ${issueOf(checked.issues)}.`);
  const bytes = dagCbor.encode(value);
  if (bytes.length > MOST_ROOT_BYTES) throw new KromaError("invalid", "This says too much of itself to be published.");
  return bytes;
}

/** What a root block says. `corrupt` when it is no root; `invalid` when its schema or kind is not known here. */
export function decodeRoot(bytes: Uint8Array): Manifest {
  const value = decodeCanonical(bytes, MOST_ROOT_BYTES, "The root");
  const { schema: name, kind } = value;
  if (name !== ARTEFACT_SCHEMA) throw unknown("a schema", name);
  if (typeof kind !== "string" || !ARTEFACT_KINDS.includes(kind as ArtefactKind)) throw unknown("a kind", kind);
  const checked = v.safeParse(schema, value);
  if (!checked.success) throw new KromaError("corrupt", `The root is not in order: ${issueOf(checked.issues)}.`);
  const { schema: _, ...manifest } = checked.output;
  return manifest;
}

/** The map in a dag-cbor block that has its one spelling; `corrupt` for everything else. */
export function decodeCanonical(bytes: Uint8Array, most: number, what: string): Readonly<Record<string, unknown>> {
  if (bytes.length > most) throw new KromaError("corrupt", `${what} is too long.`);
  let value: unknown;
  let again: Uint8Array;
  try {
    value = dagCbor.decode(bytes);
    again = dagCbor.encode(value);
  } catch (error) {
    throw new KromaError("corrupt", `${what} can't be read.`, { cause: error });
  }
  if (again.length !== bytes.length || !again.every((byte, index) => byte === bytes[index]))
    throw new KromaError("corrupt", `${what} is not spelled as it should be.`);
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new KromaError("corrupt", `${what} is not a map.`);
  return value as Readonly<Record<string, unknown>>;
}

/** Without what is undefined, which dag-cbor has no word for. */
export function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T;
}

/** The first thing that is wrong, by the name of its field. */
export function issueOf(issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]]): string {
  const [issue] = issues;
  return `"${v.getDotPath(issue) ?? "it"}" is not as it has to be`;
}

const linkTo = (cid: string): CID => parseCid(cid);

function isKnownCid(text: string): boolean {
  try {
    return codecOf(text) !== undefined;
  } catch {
    return false;
  }
}

function isPath(path: string): boolean {
  try {
    return pathParts(path).length > 0;
  } catch {
    return false;
  }
}

function unknown(what: string, name: unknown): KromaError {
  const shown = typeof name === "string" ? quoted(name) : "no name";
  return new KromaError("invalid", `This artefact has ${what} that this Kroma does not know: ${shown}.`);
}
