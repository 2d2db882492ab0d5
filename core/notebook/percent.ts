/**
 * Percent scripts in and out, as jupytext's py:percent reads and writes them: `# %%` starts a cell, `# %% [markdown]`
 * a commented text, `# %% title key="value"` carries metadata; a cell in another language is a commented-out body
 * behind its magic, marked with `language="…"`. TypeScript uses `//`, shell `#`. Outputs are not part of a script.
 */
import type { CellId, Language } from "../base/ids.ts";
import { sourceHash } from "../base/source-hash.ts";
import { isCellId, normaliseText } from "./cell-text.ts";
import type { ReadResult } from "./formats.ts";
import { canonicalJson } from "../base/canonical-json.ts";
import { withMarkers } from "./exported-script.ts";
import { defaultMagic, detectLanguage, languageNamed, mainLanguage, withMagic } from "./ipynb-languages.ts";
import type { Cell, CellKind, Notebook } from "./model.ts";

type Metadata = Readonly<Record<string, unknown>>;

interface Marker {
  readonly title: string;
  readonly kind: CellKind;
  readonly language: Language | undefined;
  readonly metadata: Metadata;
}

const ATTRIBUTE = /\s*([A-Za-z_][\w.-]*)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\{[^}]*\}|[^\s"]+)/y;
const OUR_KINDS: Readonly<Record<string, CellKind>> = { markdown: "markdown", md: "markdown", raw: "raw" };
// Names jupytext gives to the languages it marks cells with.
const JUPYTEXT_NAMES: Readonly<Record<string, string>> = { shell: "bash", typescript: "typescript", python: "python" };

/** A notebook of a script in `language`, which the text's own header may correct. */
export function readPercent(text: string, language: Language = "python"): ReadResult {
  const comment = commentOf(language);
  const marker = new RegExp(`^${escape(comment)} ?%%(?:%*)(?=\\s|$)(.*)$`);
  const given = normaliseText(text.replace(/^\uFEFF/, "")).split("\n");
  const lines = given.some((line) => marker.test(line)) ? given : (withMarkers(given) ?? given);
  const header = readHeader(lines, comment);
  const cells: Cell[] = [];
  const ids = new Set<string>();
  let current: Marker | undefined;
  let body: string[] = [];
  const finish = () => {
    if (current === undefined && body.every((line) => line.trim() === "")) return;
    cells.push(makeCell(current ?? PLAIN, body, comment, header.language ?? language, cells.length, ids));
  };
  for (const line of lines.slice(header.lines)) {
    const found = marker.exec(line);
    if (found) {
      finish();
      current = readMarker(found[1] as string);
      body = [];
    } else body.push(line);
  }
  finish();
  const notebook = { title: header.title, language: header.language ?? language, metadata: header.metadata, cells };
  return { notebook, warnings: [] };
}

/** The notebook as a percent script, without outputs. */
export function writePercent(notebook: Notebook): string {
  const { language: main } = notebook;
  const comment = commentOf(main);
  const header = writeHeader(notebook, comment);
  const cells = notebook.cells.map((cell) => writeCell(cell, comment, main));
  return `${[...header, ...cells].join("\n\n")}\n`;
}

const PLAIN: Marker = { title: "", kind: "code", language: undefined, metadata: {} };

function commentOf(language: Language): string {
  return language === "typescript" ? "//" : "#";
}

function makeCell(
  marker: Marker,
  lines: readonly string[],
  comment: string,
  main: Language,
  index: number,
  ids: Set<string>,
): Cell {
  const body = trimBlank(lines);
  const { id: named, ...rest } = marker.metadata;
  const metadata: Metadata = marker.title === "" ? rest : { ...rest, title: marker.title };
  const wanted = isCellId(named) && !ids.has(named) ? named : (sourceHash(`${index} ${body.join("\n")}`) as CellId);
  ids.add(wanted);
  const base = { id: wanted, textVersion: 0, metadata, run: undefined } as const;
  if (marker.kind !== "code") {
    return {
      ...base,
      kind: marker.kind,
      language: marker.kind,
      source: uncomment(body, comment, marker.kind).join("\n"),
    };
  }
  const isCommented = body.length > 0 && body.every((line) => line === "" || isComment(line, comment));
  const hasMagic = isComment(body[0] ?? "", comment) && isCellMagic(strip(body[0] ?? "", comment));
  if (marker.language !== undefined && languageNamed(marker.language) !== main && (isCommented || body.length === 0)) {
    const source = body.map((line) => uncommented(line, comment)).join("\n");
    const found = detectLanguage(source, {}, main);
    const language = found.magic === undefined ? languageNamed(marker.language) : found.language;
    return { ...base, kind: "code", language, source: found.source, ...keepMagic(found.magic, language, main) };
  }
  // Without the mark, as editors other than jupytext leave it: the commented magic alone says it.
  const source = (
    isCommented && hasMagic ? body.map((line) => uncommented(line, comment)) : unescape(body, comment)
  ).join("\n");
  const found = detectLanguage(source, {}, main);
  return {
    ...base,
    kind: "code",
    language: found.language,
    source: found.source,
    ...keepMagic(found.magic, found.language, main),
  };
}

function keepMagic(magic: string | undefined, language: Language, main: Language): Pick<Cell, "shape"> | object {
  return magic === undefined || magic === defaultMagic(language, main) ? {} : { shape: { language, magic } };
}

function writeCell(cell: Cell, comment: string, main: Language): string {
  const { title, ...metadata } = cell.metadata;
  const name = typeof title === "string" && /^[^\s"=[\]{}][^"=[\]{}\n]*$/.test(title) ? title.trim() : "";
  const kept = name === "" ? cell.metadata : metadata;
  const isOther = cell.kind === "code" && cell.language !== main;
  const attributes: Metadata = isOther ? { language: JUPYTEXT_NAMES[cell.language] ?? cell.language, ...kept } : kept;
  const head = [
    `${comment} %%`,
    ...(name === "" ? [] : [name]),
    ...(cell.kind === "code" ? [] : [`[${cell.kind}]`]),
    ...Object.entries(attributes)
      .map(([key, value]) => `${key}=${canonicalJson(value)}`)
      .filter(isReadable),
  ].join(" ");
  const lines = bodyOf(cell, comment, main, isOther);
  return lines.length === 0 ? head : `${head}\n${lines.join("\n")}`;
}

function bodyOf(cell: Cell, comment: string, main: Language, isOther: boolean): readonly string[] {
  if (cell.kind !== "code")
    return cell.source === "" ? [] : cell.source.split("\n").map((line) => commented(line, comment));
  if (isOther) {
    const magic = cell.shape?.language === cell.language ? cell.shape.magic : defaultMagic(cell.language, main);
    const text = withMagic(magic, cell.source);
    return text === "" ? [] : text.split("\n").map((line) => commented(line, comment));
  }
  if (cell.source === "") return [];
  const lines = cell.source.split("\n");
  // A cell magic is no Python: the whole cell is commented. Other magics of a line are, one by one.
  if (isCellMagic(lines[0] ?? "")) return lines.map((line) => commented(line, comment));
  return lines.map((line) => (needsEscape(line, comment) ? `${comment} ${line}` : line));
}

// A line that would be taken for a marker, or for an escaped one, gets one more comment mark.
function needsEscape(line: string, comment: string): boolean {
  return new RegExp(`^(?:${escape(comment)} )*(?:${escape(comment)} ?%%|%(?=[A-Za-z])|![A-Za-z])`).test(line);
}

function unescape(lines: readonly string[], comment: string): readonly string[] {
  return lines.map((line) => {
    const inner = line.startsWith(`${comment} `) ? line.slice(comment.length + 1) : undefined;
    return inner !== undefined && needsEscape(inner, comment) ? inner : line;
  });
}

function readMarker(text: string): Marker {
  let rest = text.trim();
  let kind: CellKind = "code";
  let language: Language | undefined;
  const braced = bracedMetadata(rest);
  if (braced) rest = rest.slice(0, braced.index).trimEnd();
  const attributesAt = rest.search(/(?:^|\s)[A-Za-z_][\w.-]*=(?=\S)/);
  const words = attributesAt < 0 ? rest : rest.slice(0, attributesAt);
  rest = attributesAt < 0 ? "" : rest.slice(attributesAt);
  const type = /\[([A-Za-z]+)\]\s*$/.exec(words);
  let title = words;
  if (type) {
    title = words.slice(0, type.index);
    const name = (type[1] as string).toLowerCase();
    kind = OUR_KINDS[name] ?? "code";
    if (kind === "code") language = languageNamed(name);
  }
  const entries: [string, unknown][] = [];
  ATTRIBUTE.lastIndex = 0;
  for (let found = ATTRIBUTE.exec(rest); found; found = ATTRIBUTE.exec(rest)) {
    const value = attributeValue(found[2] as string);
    if (found[1] === "language" && typeof value === "string") language = value;
    else entries.push([found[1] as string, value]);
  }
  return { title: title.trim(), kind, language, metadata: { ...braced?.metadata, ...Object.fromEntries(entries) } };
}

/** Metadata as one JSON object at the end of the marker, as earlier versions of jupytext wrote it. */
function bracedMetadata(text: string): { readonly index: number; readonly metadata: Metadata } | undefined {
  const found = /(?:^|\s)\{.*\}$/.exec(text);
  if (!found) return undefined;
  const value = attributeValue(found[0].trim());
  return typeof value === "object" ? { index: found.index, metadata: value as Metadata } : undefined;
}

function attributeValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

// Only what readMarker gives back as it was: nested brackets would end its pattern too early.
function isReadable(attribute: string): boolean {
  ATTRIBUTE.lastIndex = 0;
  return ATTRIBUTE.exec(attribute)?.[0] === attribute;
}

function uncomment(lines: readonly string[], comment: string, kind: CellKind): readonly string[] {
  // jupytext also writes Markdown in a docstring.
  const first = lines[0] ?? "";
  const quote = /^r?("""|''')$/.exec(first.trim())?.[1];
  if (quote !== undefined && lines.at(-1)?.trim() === quote) return lines.slice(1, -1);
  const isCommented = lines.every((line) => line === "" || isComment(line, comment));
  return isCommented || kind === "raw" ? lines.map((line) => uncommented(line, comment)) : lines;
}

// A commented line that would be taken for a marker gets one comment mark more.
function commented(line: string, comment: string): string {
  if (line === "") return comment;
  return `${comment} ${isMarkerText(line, comment) ? `${comment} ` : ""}${line}`;
}

function uncommented(line: string, comment: string): string {
  const inner = strip(line, comment);
  const innermost = strip(inner, comment);
  return innermost !== inner && isMarkerText(innermost, comment) ? innermost : inner;
}

function isMarkerText(line: string, comment: string): boolean {
  return new RegExp(`^(?:${escape(comment)} )*%%+(?:\\s|$)`).test(line);
}

function isCellMagic(line: string): boolean {
  return /^%%+[^%\s]/.test(line);
}

function isComment(line: string, comment: string): boolean {
  return line === comment || line.startsWith(`${comment} `);
}

function strip(line: string, comment: string): string {
  if (line === comment) return "";
  return line.startsWith(`${comment} `) ? line.slice(comment.length + 1) : line;
}

function trimBlank(lines: readonly string[]): readonly string[] {
  let from = 0;
  let to = lines.length;
  while (from < to && lines[from] === "") from += 1;
  while (to > from && lines[to - 1] === "") to -= 1;
  return lines.slice(from, to);
}

interface Header {
  readonly lines: number;
  readonly title: string;
  readonly language: Language | undefined;
  readonly metadata: Metadata;
}

/** jupytext's commented YAML between two `---`. Only what we use of it is read: the kernel and the title. */
function readHeader(lines: readonly string[], comment: string): Header {
  const none: Header = { lines: 0, title: "", language: undefined, metadata: {} };
  const shebang = lines[0]?.startsWith("#!") ? 1 : 0;
  if (strip(lines[shebang] ?? "", comment).trim() !== "---") return { ...none, lines: shebang };
  const end = lines.findIndex((line, index) => index > shebang && strip(line, comment).trim() === "---");
  if (end < 0) return none;
  const fields = lines.slice(shebang + 1, end).map((line) => strip(line, comment));
  const at = (name: string) => {
    const line = fields.find((field) => field.trimStart().startsWith(`${name}:`));
    const value = line?.slice(line.indexOf(":") + 1).trim();
    return value === undefined || value === "" ? undefined : unquote(value);
  };
  const specAt = fields.findIndex((field) => field.trim() === "kernelspec:");
  const language = at("language");
  const name = specAt < 0 ? undefined : fields.slice(specAt).find((field) => field.trimStart().startsWith("name:"));
  const kernelName = name === undefined ? undefined : unquote(name.slice(name.indexOf(":") + 1).trim());
  const display = at("display_name");
  const kernelspec =
    specAt < 0
      ? undefined
      : {
          ...(display === undefined ? {} : { display_name: display }),
          ...(language === undefined ? {} : { language }),
          ...(kernelName === undefined ? {} : { name: kernelName }),
        };
  const metadata = kernelspec ? { kernelspec } : {};
  return {
    lines: end + 1,
    title: at("title") ?? "",
    language: kernelspec ? mainLanguage(metadata) : undefined,
    metadata,
  };
}

function writeHeader(notebook: Notebook, comment: string): readonly string[] {
  const kernel = notebook.metadata["kernelspec"];
  const lines: string[] = [];
  if (notebook.title !== "") lines.push(`title: ${JSON.stringify(notebook.title)}`);
  if (typeof kernel === "object" && kernel !== null) {
    const fields = Object.entries(kernel).filter(([, value]) => typeof value === "string");
    if (fields.length > 0) {
      lines.push("jupyter:", "  kernelspec:", ...fields.map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`));
    }
  }
  if (lines.length === 0) return [];
  return [["---", ...lines, "---"].map((line) => `${comment} ${line}`).join("\n")];
}

function unquote(value: string): string {
  const plain = attributeValue(value);
  if (typeof plain === "string" && plain !== value) return plain;
  return /^'.*'$/.test(value) ? value.slice(1, -1).replaceAll("''", "'") : value;
}

function escape(text: string): string {
  return text.replaceAll(/[/.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
