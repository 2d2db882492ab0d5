/**
 * What a notebook knows of its own publications. They stand in its metadata, so that a copy of it on another machine goes on where
 * they ended; and they are no part of what is published, else publishing it once would make another notebook of it.
 */
import type { Notebook } from "../notebook/model.ts";
import { parseCid } from "../store/cid.ts";

/** A publication of a notebook, as its metadata has it. */
export interface PublishedVersion {
  /** Of the root. */
  readonly cid: string;
  readonly version: string;
  /** Unix time in milliseconds. */
  readonly time: number;
  /** What it named as its parents. */
  readonly parents: readonly string[];
}

/** The latest that are kept in the metadata. */
const MOST_KEPT = 100;
const MOST_PARENTS = 16;

/** What of the notebook was published, latest first; what can't be such an entry is passed over. */
export function publishedVersions({ metadata }: Pick<Notebook, "metadata">): readonly PublishedVersion[] {
  const list: unknown = fieldsOf(metadata["kroma"])["published"];
  if (!Array.isArray(list)) return [];
  return list
    .slice(-MOST_KEPT)
    .flatMap((entry: unknown) => {
      const { cid, version, time, parents = [] } = fieldsOf(entry);
      if (!isCid(cid) || typeof version !== "string" || version.length > 64) return [];
      if (typeof time !== "number" || !Number.isFinite(time) || !Array.isArray(parents)) return [];
      return [{ cid, version, time, parents: parents.filter(isCid).slice(0, MOST_PARENTS) }];
    })
    .sort((left, right) => right.time - left.time);
}

/** The metadata by which the notebook says that this was published of it. */
export function publishedMetadata(
  notebook: Pick<Notebook, "metadata">,
  { cid, version, time, parents }: PublishedVersion,
): Notebook["metadata"] {
  const others = publishedVersions(notebook).filter((entry) => entry.cid !== cid);
  const all = [...others, { cid, version, time, parents }].sort((left, right) => left.time - right.time);
  const published = all
    .slice(-MOST_KEPT)
    .map((entry) => ({ cid: entry.cid, version: entry.version, time: entry.time, ...parentsIn(entry) }));
  return { kroma: { ...fieldsOf(notebook.metadata["kroma"]), published } };
}

/** The notebook as it is published: without what it knows of its publications. */
export function withoutVersions<N extends Pick<Notebook, "metadata">>(notebook: N): N {
  const { kroma, ...metadata } = notebook.metadata;
  if (kroma === undefined) return notebook;
  const { published: _, ...rest } = fieldsOf(kroma);
  return { ...notebook, metadata: Object.keys(rest).length === 0 ? metadata : { ...metadata, kroma: rest } };
}

const parentsIn = ({ parents }: PublishedVersion) => (parents.length === 0 ? {} : { parents });

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

function isCid(value: unknown): value is string {
  try {
    return typeof value === "string" && parseCid(value).toV1().toString() === value;
  } catch {
    return false;
  }
}
