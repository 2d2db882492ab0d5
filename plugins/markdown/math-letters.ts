/**
 * Letters of formulas in other styles. MathML Core leaves `mathvariant` out, so each letter becomes the character that
 * Unicode has for it (block Mathematical Alphanumeric Symbols, and the older Letterlike Symbols where that has holes).
 */
import type { Element } from "hast";

interface Alphabet {
  readonly letters: number;
  readonly digits?: number;
  readonly older?: Readonly<Record<string, string>>;
}

const ALPHABETS: Readonly<Record<string, Alphabet>> = {
  bold: { letters: 0x1d400, digits: 0x1d7ce },
  "bold-italic": { letters: 0x1d468 },
  "double-struck": {
    letters: 0x1d538,
    digits: 0x1d7d8,
    older: { C: "ℂ", H: "ℍ", N: "ℕ", P: "ℙ", Q: "ℚ", R: "ℝ", Z: "ℤ" },
  },
  script: {
    letters: 0x1d49c,
    older: { B: "ℬ", E: "ℰ", F: "ℱ", H: "ℋ", I: "ℐ", L: "ℒ", M: "ℳ", R: "ℛ", e: "ℯ", g: "ℊ", o: "ℴ" },
  },
  fraktur: { letters: 0x1d504, older: { C: "ℭ", H: "ℌ", I: "ℑ", R: "ℜ", Z: "ℨ" } },
  "sans-serif": { letters: 0x1d5a0, digits: 0x1d7e2 },
  monospace: { letters: 0x1d670, digits: 0x1d7f6 },
};

/** Writes the letters under `parent` as characters of the style that `mathvariant` asks for. */
export function styleLetters(parent: Element): void {
  const variant = String(parent.properties["mathvariant"] ?? parent.properties["mathVariant"] ?? "");
  const alphabet = Object.hasOwn(ALPHABETS, variant) ? ALPHABETS[variant] : undefined;
  for (const child of parent.children) {
    if (child.type === "element") styleLetters(child);
    if (child.type === "text" && alphabet)
      child.value = child.value.replaceAll(/[A-Za-z0-9]/g, (sign) => styled(sign, alphabet));
  }
  if (alphabet) for (const name of ["mathvariant", "mathVariant"]) delete parent.properties[name];
}

function styled(sign: string, { letters, digits, older }: Alphabet): string {
  if (older && Object.hasOwn(older, sign)) return older[sign]!;
  const code = sign.charCodeAt(0);
  if (code < 0x41) return digits === undefined ? sign : String.fromCodePoint(digits + code - 0x30);
  return String.fromCodePoint(letters + (code < 0x61 ? code - 0x41 : code - 0x61 + 26));
}
