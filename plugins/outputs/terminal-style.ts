/**
 * Styles of terminal text: SGR parameters (ECMA-48 8.3.117) to a plain value. Unknown parameters change nothing.
 */

/** A palette index 0 to 255, or TRUE_COLOUR + 0xrrggbb. */
export type Colour = number;
export const TRUE_COLOUR = 0x1000000;

export interface Style {
  /** Same key, same looks. */
  readonly key: string;
  readonly foreground: Colour | undefined;
  readonly background: Colour | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly strike: boolean;
  readonly inverse: boolean;
  readonly hidden: boolean;
  /** An http or https address, checked. */
  readonly link: string | undefined;
}

/** No style at all; there is one such value, compare by identity. */
export const PLAIN: Style = {
  key: "",
  foreground: undefined,
  background: undefined,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
  hidden: false,
  link: undefined,
};

/** The style after `ESC [ parameters m`. */
export function changeStyle(style: Style, parameters: string): Style {
  // "38:2::1:2:3" is the standard's own spelling of "38;2;1;2;3".
  const codes = parameters
    .replace(/([34]8):2:[^:;]*:(\d*:\d*:\d*)/g, "$1:2:$2")
    .replace(/(^|;)4:(\d+)/g, (_all, before: string, kind: string) => `${before}${kind === "0" ? 24 : 4}`)
    .split(/[;:]/)
    .map((word) => (word === "" ? 0 : Number.parseInt(word, 10)));
  const next: { -readonly [K in keyof Style]: Style[K] } = { ...style };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    if (code === 0) Object.assign(next, PLAIN, { link: next.link });
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4 || code === 21) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 8) next.hidden = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 28) next.hidden = false;
    else if (code === 29) next.strike = false;
    else if (code >= 30 && code <= 37) next.foreground = code - 30;
    else if (code === 39) next.foreground = undefined;
    else if (code >= 40 && code <= 47) next.background = code - 40;
    else if (code === 49) next.background = undefined;
    else if (code >= 90 && code <= 97) next.foreground = code - 82;
    else if (code >= 100 && code <= 107) next.background = code - 92;
    else if (code === 38 || code === 48 || code === 58) {
      const [colour, used] = readColour(codes, at + 1);
      at += used;
      if (colour !== undefined && code === 38) next.foreground = colour;
      if (colour !== undefined && code === 48) next.background = colour;
    }
  }
  return finished(next);
}

/** The style with a link, or without when the address is empty or not one to follow. */
export function withLink(style: Style, address: string): Style {
  return finished({ ...style, link: safeLink(address) });
}

/** The address when it is http or https, else undefined. */
export function safeLink(address: string): string | undefined {
  if (!/^https?:\/\//i.test(address)) return undefined;
  try {
    return new URL(address).href;
  } catch {
    return undefined;
  }
}

function readColour(codes: readonly number[], at: number): [Colour | undefined, number] {
  if (codes[at] === 5) {
    const index = codes[at + 1] ?? -1;
    return [index >= 0 && index <= 255 ? index : undefined, 2];
  }
  if (codes[at] === 2) {
    const parts = [codes[at + 1] ?? -1, codes[at + 2] ?? -1, codes[at + 3] ?? -1];
    if (parts.some((part) => !(part >= 0 && part <= 255))) return [undefined, 4];
    return [TRUE_COLOUR + ((parts[0]! << 16) | (parts[1]! << 8) | parts[2]!), 4];
  }
  return [undefined, 1];
}

function finished(style: Style): Style {
  const flags = [style.bold, style.dim, style.italic, style.underline, style.strike, style.inverse, style.hidden];
  const key = `${style.foreground ?? ""}|${style.background ?? ""}|${flags.map(Number).join("")}|${style.link ?? ""}`;
  return key === "||0000000|" ? PLAIN : { ...style, key };
}
