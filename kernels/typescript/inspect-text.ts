/** The small parts of values as text: strings in quotes, names of properties, and how wide text stands in columns. */

const NAMED: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f",
};
const UNSHOWN = /[\\\p{Cc}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu;

function escaped(text: string): string {
  return text.replace(UNSHOWN, (char) => {
    const code = char.charCodeAt(0);
    if (code >= 0xd800) return `\\u${code.toString(16)}`;
    return NAMED[char] ?? `\\x${code.toString(16).padStart(2, "0").toUpperCase()}`;
  });
}

/** A string in quotes, as Node chooses them. */
export function quote(text: string): string {
  const mark = !text.includes("'")
    ? "'"
    : !text.includes('"')
      ? '"'
      : !text.includes("`") && !text.includes("${")
        ? "`"
        : "'";
  return `${mark}${escaped(text).replaceAll(mark, mark === "'" ? "\\'" : mark)}${mark}`;
}

/** The name of a property before its colon. */
export function keyLabel(key: string | symbol): string {
  if (typeof key === "symbol") return escaped(key.toString());
  if (key === "__proto__") return "['__proto__']";
  return /^[a-zA-Z_]\w*$/.test(key) ? key : quote(key);
}

const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u3247\u3250-\u4dbf\u4e00-\ua4c6\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{1b000}\u{1b001}\u{1f200}-\u{1f251}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NO_WIDTH = /[\p{Mn}\p{Me}\p{Cf}\p{Cc}]/u;
// eslint-disable-next-line no-control-regex
const STYLE = /\u001b\[[\d;]*m/g;

/** The columns that text takes where each character has one, or two in East Asian scripts. */
export function textWidth(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const char of text.replace(STYLE, "").normalize("NFC")) {
    if (WIDE.test(char)) width += 2;
    else if (!NO_WIDTH.test(char)) width++;
  }
  return width;
}
