/**
 * A file as an output: which type it is, by its name or its first bytes, and its data in the form that MIME bundles have.
 */
import { KromaError } from "#core/base/errors.ts";
import { isJsonMime, type MimeBundle } from "#core/kernel/mime.ts";
import { toBase64 } from "#core/workspace/values-json.ts";

const ENDINGS: Readonly<Record<string, string>> = {
  avif: "image/avif",
  bmp: "image/bmp",
  csv: "text/csv",
  geojson: "application/geo+json",
  gif: "image/gif",
  htm: "text/html",
  html: "text/html",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  json: "application/json",
  latex: "text/latex",
  markdown: "text/markdown",
  md: "text/markdown",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  ogg: "audio/ogg",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  tex: "text/latex",
  tsv: "text/tab-separated-values",
  txt: "text/plain",
  vg: "application/vnd.vega.v5+json",
  vl: "application/vnd.vegalite.v5+json",
  wav: "audio/wav",
  webm: "video/webm",
  webp: "image/webp",
};

/** First bytes, as Latin-1. */
const STARTS: readonly (readonly [pattern: RegExp, type: string])[] = [
  [/^\x89PNG\r\n[^]\n/, "image/png"],
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^GIF8[79]a/, "image/gif"],
  [/^RIFF[^]{4}WEBP/, "image/webp"],
  [/^RIFF[^]{4}WAVE/, "audio/wav"],
  [/^BM[^]{4}\0\0\0\0/, "image/bmp"],
  [/^[^]{4}ftypavif/, "image/avif"],
  [/^[^]{4}ftyp/, "video/mp4"],
  [/^[^]E\xdf\xa3/, "video/webm"],
  [/^OggS/, "audio/ogg"],
  [/^ID3/, "audio/mpeg"],
  [/^%PDF-/, "application/pdf"],
  [
    /^(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^]*?-->\s*)*(?:<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/i,
    "image/svg+xml",
  ],
  [/^(?:\xef\xbb\xbf)?\s*(?:<!--[^]*?-->\s*)*<(?:!doctype html|html|body|div|table|p|h[1-6])[\s>]/i, "text/html"],
];

/** Most characters of JSON that are parsed only to find out whether it is JSON. */
const GUESSED_JSON = 1024 * 1024;

/** The file as a MIME bundle; throws `invalid` with a sentence when it cannot be shown as what it says it is. */
export function bundleOfFile(bytes: Uint8Array, name: string, mime = ""): MimeBundle {
  if (mime !== "" && !/^[\w.+-]+\/[\w.+-]+$/.test(mime)) throw new KromaError("invalid", `not a MIME type: ${mime}`);
  if (bytes.length === 0) throw new KromaError("invalid", `${name} is empty`);
  const type = mime || (ENDINGS[/\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? ""] ?? guess(bytes, name));
  if (isJsonMime(type)) return bundleOfJson(type, textOf(bytes, name), name);
  if (!isText(type)) {
    return { [type]: toBase64(bytes), "text/plain": `${name} (${type}, ${bytes.length.toLocaleString("en")} bytes)` };
  }
  const text = textOf(bytes, name);
  const isMarkup = type === "text/html" || type === "image/svg+xml";
  return { [type]: text, "text/plain": isMarkup ? `${name} (${type})` : text };
}

function bundleOfJson(type: string, text: string, name: string): MimeBundle {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KromaError("invalid", `${name} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { [type === "application/json" ? (chartType(value) ?? type) : type]: value, "text/plain": text };
}

/** The chart that a JSON value says it is. */
function chartType(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("$schema" in value)) return undefined;
  const [, kind, version] = /\/(vega|vega-lite)\/v(\d+)[^/]*\.json$/.exec(String(value.$schema)) ?? [];
  return kind && `application/vnd.${kind.replace("-", "")}.v${version}+json`;
}

function guess(bytes: Uint8Array, name: string): string {
  const start = String.fromCharCode(...bytes.subarray(0, 1024));
  const known = STARTS.find(([pattern]) => pattern.test(start));
  if (known) return known[1];
  const text = decoded(bytes);
  if (text === undefined) {
    throw new KromaError("invalid", `nobody knows how to show ${name}: say what it is with --mime TYPE`);
  }
  if (/^\s*[[{]/.test(text) && text.length <= GUESSED_JSON) {
    try {
      JSON.parse(text);
      return "application/json";
    } catch {
      // Text that begins like JSON is text.
    }
  }
  return "text/plain";
}

const isText = (type: string): boolean =>
  type.startsWith("text/") || type === "image/svg+xml" || type === "application/javascript";

function textOf(bytes: Uint8Array, name: string): string {
  const text = decoded(bytes);
  if (text === undefined) throw new KromaError("invalid", `${name} is not text (UTF-8)`);
  return text;
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}
