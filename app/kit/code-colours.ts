/** The colours of code by the editor's own grammars, each loaded when its language is first named. No DOM here. */
import type { Language } from "@codemirror/language";

type Parser = Language["parser"];
type Load = () => Promise<Parser>;
const script = async (dialect: string): Promise<Parser> => {
  const { javascriptLanguage, typescriptLanguage, tsxLanguage, jsxLanguage } =
    await import("@codemirror/lang-javascript");
  return { js: javascriptLanguage, ts: typescriptLanguage, tsx: tsxLanguage, jsx: jsxLanguage }[dialect]!.parser;
};
const python: Load = async () => (await import("@codemirror/lang-python")).pythonLanguage.parser;
const shell: Load = async () => {
  const [{ StreamLanguage }, mode] = await Promise.all([
    import("@codemirror/language"),
    import("@codemirror/legacy-modes/mode/shell"),
  ]);
  return StreamLanguage.define(mode.shell).parser;
};
const sql: Load = async () => {
  const [{ StreamLanguage }, mode] = await Promise.all([
    import("@codemirror/language"),
    import("@codemirror/legacy-modes/mode/sql"),
  ]);
  return StreamLanguage.define(mode.pgSQL).parser;
};
const LOADERS: Readonly<Record<string, Load>> = {
  python, py: python, python3: python, ipython: python, pycon: python,
  javascript: () => script("js"), js: () => script("js"), mjs: () => script("js"), json: () => script("js"),
  jsx: () => script("jsx"),
  typescript: () => script("ts"), ts: () => script("ts"),
  tsx: () => script("tsx"),
  bash: shell, sh: shell, shell, zsh: shell, console: shell,
  sql,
  markdown: async () => (await import("@codemirror/lang-markdown")).markdownLanguage.parser,
}; // prettier-ignore

const LONGEST = 100_000;

/** A stretch of code in one colour; no classes: the colour of text. */
export interface CodePiece {
  readonly text: string;
  /** Class names of @lezer/highlight's classHighlighter, apart by spaces. */
  readonly classes: string;
}

/** The code in pieces; undefined for a language that has no grammar here, and for code too long to be coloured. */
export async function colourCode(code: string, language: string): Promise<readonly CodePiece[] | undefined> {
  // A fence may be called "constructor".
  const load = Object.hasOwn(LOADERS, language) ? LOADERS[language] : undefined;
  if (!load || code.length > LONGEST) return undefined;
  const [parser, { highlightCode, classHighlighter }] = await Promise.all([load(), import("@lezer/highlight")]);
  const pieces: CodePiece[] = [];
  highlightCode(
    code,
    parser.parse(code),
    classHighlighter,
    (text, classes) => pieces.push({ text, classes }),
    () => pieces.push({ text: "\n", classes: "" }),
  );
  return pieces;
}
