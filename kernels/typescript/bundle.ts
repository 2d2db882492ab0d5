/**
 * Values as MIME bundles: what a cell's last expression and display() show. A value may say itself what it is; else its
 * kind decides. Binary types are base64, JSON types values, as in nbformat.
 */
import type { MimeBundle } from "#core/kernel/mime.ts";
import { base64, encodePng } from "./canvas.ts";
import { inspect } from "./inspect.ts";
import { escapeHtml, isElementLike, isSvgElement, Markup, nodeHtml, svgDocument, type ElementLike } from "./markup.ts";

/** A value may give its own bundle: a method under this symbol, as Deno's notebooks have it. */
export const JUPYTER_DISPLAY: symbol = Symbol.for("Jupyter.display");

const MOST_JSON_NODES = 20_000;
const MOST_ROWS = 100;
const MOST_COLUMNS = 30;
const REPRESENTATIONS = {
  toHTML: "text/html",
  _repr_html_: "text/html",
  _repr_svg_: "image/svg+xml",
  _repr_png_: "image/png",
  _repr_jpeg_: "image/jpeg",
  _repr_markdown_: "text/markdown",
  _repr_latex_: "text/latex",
  _repr_json_: "application/json",
} as const;

/** The bundle of a value; a promise where its data must be waited for. */
export function bundleOf(value: unknown): MimeBundle | Promise<MimeBundle> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null)
    return { "text/plain": inspect(value) };
  return own(value) ?? known(value) ?? { "text/plain": inspect(value) };
}

/** A value as one type that the user named. */
export function bundleAs(mimeType: string, value: unknown): MimeBundle | Promise<MimeBundle> {
  if (value instanceof ArrayBuffer) return bundleAs(mimeType, new Uint8Array(value));
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return { [mimeType]: isText(mimeType) ? new TextDecoder().decode(bytes) : base64(bytes) };
  }
  if (value instanceof Blob) return value.arrayBuffer().then((buffer) => bundleAs(mimeType, new Uint8Array(buffer)));
  if (isElementLike(value))
    return { [mimeType]: mimeType === "image/svg+xml" ? svgDocument(nodeHtml(value)) : nodeHtml(value) };
  if (isJson(mimeType)) return { [mimeType]: typeof value === "string" ? parseOr(value) : value };
  return { [mimeType]: typeof value === "string" ? value : String(value) };
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const isJson = (mimeType: string) => mimeType === "application/json" || mimeType.endsWith("+json");
const isText = (mimeType: string) =>
  mimeType.startsWith("text/") || mimeType === "image/svg+xml" || mimeType === "application/javascript";

/** What the value says of itself. */
function own(value: object): MimeBundle | Promise<MimeBundle> | undefined {
  if (value instanceof Markup) {
    const text = value.mimeType === "image/svg+xml" ? svgDocument(value.text) : value.text;
    const type = value.mimeType === "image/svg+xml" && !text.startsWith("<svg") ? "text/html" : value.mimeType;
    return { [type]: text, "text/plain": value.text };
  }
  const methods = value as Readonly<Record<string | symbol, unknown>>;
  const display = methods[JUPYTER_DISPLAY] ?? methods["_repr_mimebundle_"];
  if (typeof display === "function") {
    const made: unknown = display.call(value);
    return made instanceof Promise ? made.then((bundle) => complete(bundle, value)) : complete(made, value);
  }
  const made: [string, unknown][] = [];
  for (const [name, type] of Object.entries(REPRESENTATIONS)) {
    const method = methods[name];
    if (typeof method === "function" && !made.some(([known]) => known === type)) made.push([type, method.call(value)]);
  }
  if (made.length === 0) return undefined;
  const settle = ([type, data]: [string, unknown]) => (data === undefined || data === null ? {} : bundleAs(type, data));
  if (!made.some(([, data]) => data instanceof Promise || data instanceof Blob))
    return complete(Object.assign({}, ...made.map(settle)), value);
  return Promise.all(made.map(async ([type, data]) => settle([type, await data]))).then((parts) =>
    complete(Object.assign({}, ...parts), value),
  );
}

function complete(bundle: unknown, value: object): MimeBundle {
  if (typeof bundle !== "object" || bundle === null) return { "text/plain": inspect(value) };
  return "text/plain" in bundle ? (bundle as MimeBundle) : { ...bundle, "text/plain": inspect(value) };
}

/** What its kind says. */
function known(value: object): MimeBundle | Promise<MimeBundle> | undefined {
  if (isElementLike(value)) return elementBundle(value);
  if (value instanceof Blob) return blobBundle(value);
  if (typeof OffscreenCanvas === "function" && value instanceof OffscreenCanvas)
    return value.convertToBlob().then(blobBundle);
  if (typeof ImageBitmap === "function" && value instanceof ImageBitmap) {
    const canvas = new OffscreenCanvas(value.width, value.height);
    canvas.getContext("2d")!.drawImage(value, 0, 0);
    return canvas.convertToBlob().then(blobBundle);
  }
  if (isPixels(value))
    return { "image/png": base64(encodePng(value)), "text/plain": `ImageData ${value.width} × ${value.height}` };
  return vegaBundle(value) ?? tableBundle(value) ?? jsonBundle(value);
}

function elementBundle(node: ElementLike): MimeBundle {
  const plain = `<${node.localName ?? "fragment"}>`;
  const canvas = node as ElementLike & { toDataURL?: () => string };
  if (node.localName === "canvas" && typeof canvas.toDataURL === "function") {
    return { "image/png": canvas.toDataURL().replace(/^.*?,/, ""), "text/plain": plain };
  }
  if (isSvgElement(node)) return { "image/svg+xml": svgDocument(nodeHtml(node)), "text/plain": plain };
  return { "text/html": nodeHtml(node), "text/plain": plain };
}

async function blobBundle(blob: Blob): Promise<MimeBundle> {
  const type = blob.type.split(";")[0]!;
  const plain = `Blob of ${blob.size} bytes${type === "" ? "" : `, ${type}`}`;
  if (isJson(type) || isText(type)) return { ...(await bundleAs(type, await blob.text())), "text/plain": plain };
  if (/^(?:image|audio|video)\//.test(type)) return { ...(await bundleAs(type, blob)), "text/plain": plain };
  return { "text/plain": plain };
}

function isPixels(value: object): value is { width: number; height: number; data: Uint8ClampedArray } {
  const { width, height, data } = value as { width?: unknown; height?: unknown; data?: unknown };
  return (
    typeof width === "number" &&
    typeof height === "number" &&
    data instanceof Uint8ClampedArray &&
    data.length === width * height * 4
  );
}

function vegaBundle(value: object): MimeBundle | undefined {
  const maker = (value as { toSpec?: unknown; toJSON?: unknown }).toSpec;
  const spec = (typeof maker === "function" ? maker.call(value) : value) as { $schema?: unknown };
  const found = typeof spec?.$schema === "string" ? /\/schema\/(vega|vega-lite)\/v(\d+)/.exec(spec.$schema) : undefined;
  if (!found) return undefined;
  const data = toJson(spec, Number.POSITIVE_INFINITY);
  if (data === undefined) return undefined;
  return {
    [`application/vnd.${found[1] === "vega" ? "vega" : "vegalite"}.v${found[2]}+json`]: data,
    "text/plain": `${found[1] === "vega" ? "Vega" : "Vega-Lite"} specification`,
  };
}

interface ArrowLike {
  readonly numRows: number;
  readonly schema: { readonly fields: readonly { readonly name: string }[] };
  get(row: number): Readonly<Record<string, unknown>> | null;
}

function isArrow(value: object): value is ArrowLike {
  const table = value as Partial<ArrowLike>;
  return typeof table.numRows === "number" && Array.isArray(table.schema?.fields) && typeof table.get === "function";
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" &&
  value !== null &&
  (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null);

function tableBundle(value: object): MimeBundle | undefined {
  if (isArrow(value)) {
    const columns = value.schema.fields.map((field) => field.name);
    const rows = Array.from({ length: Math.min(value.numRows, MOST_ROWS) }, (_, row) => value.get(row) ?? {});
    return {
      "text/html": tableHtml(columns, rows, value.numRows),
      "text/plain": `Arrow table: ${value.numRows} rows × ${columns.length} columns (${columns.join(", ")})`,
    };
  }
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const rows = value.slice(0, MOST_ROWS) as unknown[];
  if (!rows.every((row) => isPlain(row) && Object.keys(row).length > 0)) return undefined;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row as object)))];
  if (columns.length > rows.length * 4 + MOST_COLUMNS) return undefined;
  return {
    "text/html": tableHtml(columns, rows as Readonly<Record<string, unknown>>[], value.length),
    ...jsonBundle(value),
    "text/plain": inspect(value),
  };
}

function cellHtml(value: unknown): string {
  if (value === undefined || value === null) return `<td></td>`;
  if (typeof value === "number" || typeof value === "bigint")
    return `<td style="text-align: right">${escapeHtml(String(value))}</td>`;
  if (value instanceof Date)
    return `<td>${escapeHtml(Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString())}</td>`;
  return `<td>${escapeHtml(typeof value === "string" ? value : inspect(value, { depth: 1, items: 10, width: 200 }))}</td>`;
}

function tableHtml(
  columns: readonly string[],
  rows: readonly Readonly<Record<string, unknown>>[],
  total: number,
): string {
  const shown = columns.slice(0, MOST_COLUMNS);
  const head = `<thead><tr>${shown.map((name) => `<th>${escapeHtml(name)}</th>`).join("")}</tr></thead>`;
  const body = rows.map((row) => `<tr>${shown.map((name) => cellHtml(row[name])).join("")}</tr>`).join("");
  const cut = [
    ...(total > rows.length ? [`${rows.length} of ${total} rows`] : []),
    ...(columns.length > shown.length ? [`${shown.length} of ${columns.length} columns`] : []),
  ];
  return `<table>${head}<tbody>${body}</tbody></table>${cut.length === 0 ? "" : `<p>${cut.join(", ")}</p>`}`;
}

function jsonBundle(value: object): MimeBundle | undefined {
  if (!Array.isArray(value) && !isPlain(value)) return undefined;
  const json = toJson(value, MOST_JSON_NODES);
  return json === undefined ? undefined : { "application/json": json, "text/plain": inspect(value) };
}

/** The value as JSON data, or undefined if something in it is no JSON, is cyclic, or there is too much of it. */
function toJson(value: unknown, most: number): unknown {
  let left = most;
  const path: object[] = [];
  const refused = Symbol("refused");
  const convert = (item: unknown): unknown => {
    if (--left < 0) throw refused;
    if (item === null || typeof item === "string" || typeof item === "boolean") return item;
    if (typeof item === "number" && Number.isFinite(item)) return item;
    if (item instanceof Date) return item.toJSON();
    if (typeof item !== "object" || path.includes(item)) throw refused;
    path.push(item);
    const isList = Array.isArray(item);
    if (!isList && !isPlain(item)) throw refused;
    const made = isList
      ? Array.from(item as unknown[], (part) => (part === undefined ? null : convert(part)))
      : Object.fromEntries(
          Object.entries(item)
            .filter(([, part]) => part !== undefined)
            .map(([name, part]) => [name, convert(part)]),
        );
    path.pop();
    return made;
  };
  try {
    return convert(value);
  } catch (error) {
    if (error === refused || error instanceof Error) return undefined;
    throw error;
  }
}
