/**
 * From TypeScript to JavaScript that acorn has parsed, line by line the same: types are blanked by sucrase, which adds
 * and removes no line. Shared by cells (transform.ts) and modules (module-transform.ts).
 */
import { parse, type Program } from "acorn";
import { transform } from "sucrase";
import { labelNamespaces, namespacesAsFunctions } from "./namespaces.ts";

/** JavaScript with its tree; offsets are those of `code`, lines those of the source. */
export interface Parsed {
  readonly code: string;
  readonly program: Program;
}

/** How a source is read. */
export interface SourceKind {
  readonly typescript: boolean;
  /** True: keep imports that nothing uses; another cell may use them. */
  readonly keepImports: boolean;
}

/** A syntax error with its place, 1-based; the message does not repeat the place. */
export class SourceError extends SyntaxError {
  override readonly name = "SyntaxError";
  readonly line: number | undefined;
  readonly column: number | undefined;
  constructor(message: string, line: number | undefined, column: number | undefined) {
    super(message);
    this.line = line;
    this.column = column;
  }
}

const PLACE = / ?\((\d+):(\d+)\)$/;

function asSourceError(error: unknown): SourceError {
  if (error instanceof SourceError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const at = (error as { loc?: { line: number; column: number } }).loc;
  const place = PLACE.exec(message);
  const text = message.replace(/^Error transforming [^:]*: /, "").replace(PLACE, "");
  // Acorn counts columns from 0, sucrase from 1; both say the place in the message.
  const shift = "raisedAt" in (error as object) ? 1 : 0;
  if (place) return new SourceError(text, Number(place[1]), Number(place[2]) + shift);
  return new SourceError(text, at?.line, at === undefined ? undefined : at.column + 1);
}

/**
 * Sucrase takes a semicolon on the next line for the end of a type alias or `declare` and removes it with that; a line
 * that starts with ";[" would then belong to the line before. Lines are the same, so the missing ones can be put back.
 */
function restoreGuards(source: string, code: string): string {
  if (!/^[ \t]*;[ \t]*[[(+\-/<]/m.test(source)) return code;
  const wrote = source.split("\n");
  const lines = code.split("\n").map((line, index) => {
    const wasGuarded = /^[ \t]*;[ \t]*[[(+\-/<]/.test(wrote[index] ?? "");
    return wasGuarded && !/^[ \t]*;/.test(line) ? `;${line}` : line;
  });
  return lines.join("\n");
}

function strip(source: string, kind: SourceKind, jsx: boolean): string {
  const pragma = /@jsx\s+([\w.$]+)/.exec(source)?.[1] ?? "h";
  const fragment =
    /@jsxFrag\s+([\w.$]+)/.exec(source)?.[1] ?? (pragma === "React.createElement" ? "React.Fragment" : "Fragment");
  const { code } = transform(source, {
    transforms: [...(kind.typescript ? (["typescript"] as const) : []), ...(jsx ? (["jsx"] as const) : [])],
    disableESTransforms: true,
    keepUnusedImports: kind.keepImports,
    preserveDynamicImport: true,
    production: true,
    jsxPragma: pragma,
    jsxFragmentPragma: fragment,
  });
  return restoreGuards(source, code);
}

function javascriptOf(source: string, kind: SourceKind, jsx: boolean): string {
  if (!kind.typescript && !jsx) return source;
  const code = strip(source, kind, jsx);
  const labelled = kind.typescript ? labelNamespaces(source, code) : undefined;
  return labelled === undefined ? code : namespacesAsFunctions(strip(labelled, kind, jsx));
}

function attempt(source: string, kind: SourceKind, jsx: boolean): Parsed {
  const code = javascriptOf(source, kind, jsx);
  try {
    const program = parse(code, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true });
    return { code, program };
  } catch (error) {
    const found = asSourceError(error);
    if (found.line !== undefined && /Unexpected character '@'/.test(found.message)) {
      throw new SourceError("Decorators are not supported by JavaScript engines yet", found.line, found.column);
    }
    throw found;
  }
}

/** Strips types and JSX and parses. Throws a SourceError for code that is no TypeScript. */
export function parseSource(source: string, kind: SourceKind): Parsed {
  // `<T>x` is a cast in TypeScript and an element in TSX; only a closing tag tells which was meant.
  const likely = /<\/|\/>/.test(source);
  try {
    return attempt(source, kind, likely);
  } catch (error) {
    try {
      return attempt(source, kind, !likely);
    } catch {
      throw asSourceError(error);
    }
  }
}
