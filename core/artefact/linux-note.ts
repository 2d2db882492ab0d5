/**
 * The Linux image of an artefact's cells: a note names it by CID, so that a copy of Kroma finds it where no host has one, and says whether
 * the image is in a folder beside the note. What a host of an image says of it, to be taken along, is read here too. Rules: SPEC.md, F10.
 */
import * as v from "valibot";
import { KromaError } from "../base/errors.ts";
import { codecOf } from "../store/cid.ts";
import type { SourceFile } from "./files.ts";
import { checkPaths } from "./paths.ts";
import { LINUX_FOLDER, LINUX_NOTE } from "./places.ts";

/** What a note says. */
export interface LinuxNote {
  /** CID of the image's directory. */
  readonly image: string;
  /** The image is in the folder "linux/" beside the note. */
  readonly isAlong: boolean;
}

/** An image as a directory of files. */
export interface LinuxImage {
  readonly cid: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Where the host of an image says what files it is, beside its manifest. */
export const IMAGE_LIST = "directory.json";

const MOST_NOTE = 4096;
const MOST_LIST = 1024 * 1024;

const directory = v.pipe(
  v.string(),
  v.maxLength(200),
  v.check((cid) => isDirectory(cid)),
);
const noteSchema = v.object({
  version: v.literal(1),
  image: directory,
  folder: v.optional(v.literal(`${LINUX_FOLDER}/`)),
});
const listSchema = v.object({
  version: v.literal(1),
  cid: directory,
  files: v.record(v.pipe(v.string(), v.maxLength(300)), v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
});

/** The note, as a file. */
export function linuxNoteFile({ image, isAlong }: LinuxNote): SourceFile {
  const note = { version: 1, image, ...(isAlong ? { folder: `${LINUX_FOLDER}/` } : {}) };
  return { path: LINUX_NOTE, content: new TextEncoder().encode(`${JSON.stringify(note)}\n`) };
}

/** What a note says. `corrupt` when it is none. */
export function readLinuxNote(text: string): LinuxNote {
  const { image, folder } = parsed(noteSchema, text, MOST_NOTE, LINUX_NOTE);
  return { image, isAlong: folder !== undefined };
}

/** The list of an image's files, as its host gives it. */
export function imageListText({ cid, files }: LinuxImage): string {
  return JSON.stringify({ version: 1, cid, files: Object.fromEntries(files.map(({ path, size }) => [path, size])) });
}

/** What such a list says. `corrupt` when it is none. */
export function readImageList(text: string): LinuxImage {
  const { cid, files } = parsed(listSchema, text, MOST_LIST, IMAGE_LIST);
  checkPaths(Object.keys(files));
  return { cid, files: Object.entries(files).map(([path, size]) => ({ path, size })) };
}

function parsed<T extends v.GenericSchema>(schema: T, text: string, most: number, what: string): v.InferOutput<T> {
  if (text.length <= most) {
    try {
      return v.parse(schema, JSON.parse(text));
    } catch {
      // Said below, as for one that is too long.
    }
  }
  throw new KromaError("corrupt", `The file ${what} is not what it should be.`);
}

function isDirectory(cid: string): boolean {
  try {
    return codecOf(cid) === "dag-pb";
  } catch {
    return false;
  }
}
