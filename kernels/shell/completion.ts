/** Finds what to complete in a shell cell: the word before the cursor and what kind of thing may stand there. */

export interface CompletionPlace {
  readonly kind: "command" | "variable" | "file";
  /** The word, its quotes and backslashes resolved. */
  readonly word: string;
  /** The range of the code that a match replaces. */
  readonly start: number;
  readonly end: number;
  /** How the word is quoted, for writing a match. */
  readonly quote: "" | "'" | '"';
}

/** The place at `cursor`. */
export function completionPlace(code: string, cursor: number): CompletionPlace {
  let quote: "" | "'" | '"' = "";
  let start = 0;
  let word = "";
  let first = true;
  const begin = (at: number) => {
    start = at;
    word = "";
  };
  for (let at = 0; at < cursor; at++) {
    const character = code[at] ?? "";
    if (quote) {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "\\") {
      at++;
      if (at < cursor && code[at] !== "\n") word += code[at] ?? "";
    } else if (character === "'" || character === '"') {
      quote = character;
      if (word === "") start = at + 1;
    } else if (/[\n;&|(){}`]/.test(character) && !(character === "{" && word.endsWith("$"))) {
      first = true;
      begin(at + 1);
    } else if (/[\s<>]/.test(character)) {
      if (word !== "" && !/^\w+=/.test(word) && !/^(if|then|else|elif|do|while|until|time|sudo|!)$/.test(word))
        first = false;
      if (/[<>]/.test(character)) first = false;
      begin(at + 1);
    } else word += character;
  }
  const variable = /\$\{?(\w*)$/.exec(word);
  if (variable && quote !== "'") {
    const name = variable[1] ?? "";
    return { kind: "variable", word: name, start: cursor - name.length, end: cursor, quote: "" };
  }
  const assigned = /^\w+=(.*)$/.exec(word);
  if (first && assigned && !quote) {
    const value = assigned[1] ?? "";
    return { kind: "file", word: value, start: cursor - value.length, end: cursor, quote };
  }
  const kind = first && !word.includes("/") && word !== "" ? "command" : "file";
  return { kind, word, start, end: cursor, quote };
}

/** A match as it must be written at a place. */
export function written(match: string, place: CompletionPlace): string {
  if (place.kind === "variable") return match;
  if (place.quote) return match;
  const tilde = match.startsWith("~/") ? "~/" : "";
  return tilde + match.slice(tilde.length).replace(/[^\w@%+=:,./~\u0080-\uffff-]/g, "\\$&");
}
