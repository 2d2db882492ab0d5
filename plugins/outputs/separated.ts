/** Comma- and tab-separated text. No DOM here. */

/** Rows of separated values with RFC 4180's quotes, at most `limit`. */
export function parseSeparated(
  text: string,
  separator: string,
  limit: number,
): { rows: readonly (readonly string[])[]; isCut: boolean } {
  const rows: string[][] = [];
  let row: string[] = [];
  let word = "";
  let at = 0;
  while (at < text.length && rows.length < limit) {
    const sign = text[at]!;
    if (sign === '"' && word === "") {
      const [value, next] = readQuoted(text, at + 1);
      word = value;
      at = next;
      continue;
    }
    if (sign === separator) {
      row.push(word);
      word = "";
    } else if (sign === "\n" || sign === "\r") {
      if (sign === "\r" && text[at + 1] === "\n") at += 1;
      rows.push([...row, word]);
      row = [];
      word = "";
    } else word += sign;
    at += 1;
  }
  if ((row.length > 0 || word !== "") && rows.length < limit) rows.push([...row, word]);
  return { rows, isCut: at < text.length };
}

function readQuoted(text: string, start: number): [string, number] {
  let value = "";
  let at = start;
  for (;;) {
    const end = text.indexOf('"', at);
    if (end < 0) return [value + text.slice(at), text.length];
    value += text.slice(at, end);
    if (text[end + 1] !== '"') return [value, end + 1];
    value += '"';
    at = end + 2;
  }
}
