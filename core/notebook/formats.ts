/** Files in and out: which format a file is in, and the notebook's title when the file does not say one. */
import { KromaError } from "../base/errors.ts";
import { checkFileSize } from "./file-size.ts";
import { readIpynb, writeIpynb } from "./ipynb.ts";
import type { ImportFormat } from "./messages.ts";
import type { Notebook } from "./model.ts";
import { readPercent, writePercent } from "./percent.ts";

/** What reading a file gives. */
export interface ReadResult {
  readonly notebook: Notebook;
  /** Sentences about what was not as it should be and what was done about it. */
  readonly warnings: readonly string[];
}

const PERCENT_LANGUAGES: Readonly<Record<string, string>> = {
  py: "python",
  ts: "typescript",
  js: "typescript",
  sh: "shell",
};

/** A file as a notebook. The title is "" unless the file has one; see `titleOf`. */
export function readFile(name: string, bytes: Uint8Array): ReadResult {
  const ending = (/\.([^./\\]+)$/.exec(name)?.[1] ?? "").toLowerCase();
  const language = PERCENT_LANGUAGES[ending];
  if (language === undefined) return readIpynb(bytes);
  checkFileSize(bytes.length);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new KromaError("invalid", `"${name}" is not text in UTF-8.`);
  }
  return readPercent(text, language);
}

/** The notebook as a file's bytes. */
export function writeFile(notebook: Notebook, format: ImportFormat): Uint8Array {
  return new TextEncoder().encode(format === "ipynb" ? writeIpynb(notebook) : writePercent(notebook));
}

/** A title made of a file's name or address. */
export function titleOf(name: string): string {
  const last = name.split(/[/\\]/).findLast((part) => part !== "") ?? "";
  return (
    last
      .replace(/\.(ipynb|py|ts|js|sh|json)$/i, "")
      .replaceAll(/[_-]+/g, " ")
      .trim() || "Untitled"
  );
}
