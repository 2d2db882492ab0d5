/** Colours code in Markdown with the editor's own grammars, each loaded when a fence first names it. */
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
const LOADERS: Readonly<Record<string, Load>> = {
  python, py: python, python3: python, ipython: python, pycon: python,
  javascript: () => script("js"), js: () => script("js"), mjs: () => script("js"), json: () => script("js"),
  jsx: () => script("jsx"),
  typescript: () => script("ts"), ts: () => script("ts"),
  tsx: () => script("tsx"),
  bash: shell, sh: shell, shell, zsh: shell, console: shell,
  markdown: async () => (await import("@codemirror/lang-markdown")).markdownLanguage.parser,
}; // prettier-ignore

const LONGEST = 100_000;

/** Colours every block of code under `root` whose language is known. */
export async function highlightCode(root: ParentNode): Promise<void> {
  const blocks = [...root.querySelectorAll<HTMLElement>("pre[data-language] > code")];
  await Promise.all(
    blocks.map(async (block) => {
      const language = block.parentElement?.dataset["language"] ?? "";
      // A fence may be called "constructor".
      const load = Object.hasOwn(LOADERS, language) ? LOADERS[language] : undefined;
      const code = block.textContent;
      if (!load || code.length > LONGEST) return;
      const [parser, { highlightCode: walk, classHighlighter }] = await Promise.all([
        load(),
        import("@lezer/highlight"),
      ]);
      const coloured = document.createDocumentFragment();
      walk(
        code,
        parser.parse(code),
        classHighlighter,
        (text, classes) => {
          if (classes === "") return coloured.append(text);
          const span = document.createElement("span");
          span.className = classes;
          span.textContent = text;
          return coloured.append(span);
        },
        () => coloured.append("\n"),
      );
      block.replaceChildren(coloured);
    }),
  );
}
