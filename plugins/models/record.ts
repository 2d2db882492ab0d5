/** What is remembered of a file that is fetched, in a small file beside it. */
import {
  array,
  boolean,
  type InferOutput,
  maxLength,
  number,
  object,
  optional,
  parse,
  pipe,
  regex,
  string,
} from "valibot";

const LONGEST_URL = 8192;
/** Files that one file may have beside it. */
export const MOST_PARTS = 100;

const recordSchema = object({
  url: pipe(string(), maxLength(LONGEST_URL)),
  /** Names this version of the file to its server. */
  validator: optional(string()),
  total: optional(number()),
  /** What its SHA-256 has to be, as its hub says. */
  digest: optional(pipe(string(), regex(/^[0-9a-f]{64}$/))),
  licence: optional(pipe(string(), maxLength(200))),
  /** Addresses of files that belong to it. */
  parts: optional(pipe(array(pipe(string(), maxLength(LONGEST_URL))), maxLength(MOST_PARTS)), []),
  /** People of a notebook gave it, or some of it. */
  isFromPeople: optional(boolean(), false),
  /** It was fetched with a token, and is nobody else's business. */
  isPrivate: optional(boolean(), false),
  cid: optional(string()),
  used: number(),
  isPinned: optional(boolean(), false),
});

/** A record; `cid` is there once the file is whole. */
export type FileRecord = InferOutput<typeof recordSchema>;

/** Throws when the bytes are no record. */
export const readRecord = (bytes: Uint8Array): FileRecord =>
  parse(recordSchema, JSON.parse(new TextDecoder().decode(bytes)));

/** The bytes that `readRecord` reads. */
export const writeRecord = (record: FileRecord): Uint8Array => new TextEncoder().encode(JSON.stringify(record));
