/**
 * A cell's source as its statements, in the lexical rules of PostgreSQL, which DuckDB keeps
 * (https://www.postgresql.org/docs/current/sql-syntax-lexical.html). A statement is named for the other languages by a
 * comment before it, `-- name: sales`, as aiosql and sqlc name queries, or as JupySQL writes it, `sales << SELECT …`.
 */

export interface Statement {
  /** What DuckDB gets: comments and blank lines before it are left out. */
  readonly text: string;
  /** 1-based line of the cell on which `text` begins. */
  readonly line: number;
  /** The value that its rows become. */
  readonly name: string | undefined;
}

const NAMED = /^--\s*name:\s*(\S+)\s*$/;
const ARROWS = /^\s*([A-Za-z_][\w.-]*)\s*<<\s+/;

/** The statements of a source, in order. Never fails: what is not closed goes on to the end. */
export function splitScript(source: string): readonly Statement[] {
  const statements: Statement[] = [];
  let name: string | undefined;
  let from: number | undefined;
  const end = (at: number): void => {
    if (from !== undefined) statements.push(statementOf(source, from, at, name));
    from = undefined;
    name = undefined;
  };
  for (let at = 0; at < source.length;) {
    const past = pastComment(source, at);
    if (past !== undefined) {
      if (from === undefined) name = NAMED.exec(source.slice(at, past).trimEnd())?.[1] ?? name;
      at = past;
    } else if (source[at] === ";") {
      end(at);
      at += 1;
    } else {
      if (from === undefined && !/\s/.test(source[at] ?? "")) from = at;
      at = pastToken(source, at);
    }
  }
  end(source.length);
  return statements;
}

function statementOf(source: string, from: number, to: number, name: string | undefined): Statement {
  const text = source.slice(from, to);
  const arrows = ARROWS.exec(text);
  const begin = from + (arrows?.[0].length ?? 0);
  const line = source.slice(0, begin).split("\n").length;
  return { text: source.slice(begin, to).trimEnd(), line, name: arrows?.[1] ?? name };
}

/** Where a comment that begins here ends; undefined if none does. Block comments nest. */
function pastComment(source: string, at: number): number | undefined {
  if (source.startsWith("--", at)) {
    const end = source.indexOf("\n", at);
    return end < 0 ? source.length : end + 1;
  }
  if (!source.startsWith("/*", at)) return undefined;
  let depth = 0;
  for (let here = at; here < source.length;) {
    if (source.startsWith("/*", here)) depth += 1;
    else if (source.startsWith("*/", here)) depth -= 1;
    else {
      here += 1;
      continue;
    }
    here += 2;
    if (depth === 0) return here;
  }
  return source.length;
}

function pastToken(source: string, at: number): number {
  const sign = source[at];
  if (sign === "'" || sign === '"') {
    const hasEscapes = sign === "'" && /(?:^|\W)[eE]$/.test(source.slice(Math.max(0, at - 2), at));
    for (let here = at + 1; here < source.length; here += 1) {
      if (hasEscapes && source[here] === "\\") here += 1;
      else if (source[here] === sign) return here + 1;
    }
    return source.length;
  }
  const tag = sign === "$" ? /^\$(?:[A-Za-z_]\w*)?\$/.exec(source.slice(at, at + 66))?.[0] : undefined;
  if (tag === undefined) return at + 1;
  const end = source.indexOf(tag, at + tag.length);
  return end < 0 ? source.length : end + tag.length;
}
