/** Grammars by language, each loaded when a cell of its language first comes into view and never before first paint. */
import type { StreamParser } from "@codemirror/language";
import type { Extension } from "@codemirror/state";

const ready = new Map<string, Extension>();
const loading = new Map<string, Promise<Extension>>();

const LOADERS: Readonly<Record<string, () => Promise<Extension>>> = {
  python: async () => (await import("@codemirror/lang-python")).python(),
  typescript: async () => (await import("@codemirror/lang-javascript")).javascript({ typescript: true, jsx: true }),
  shell: async () => legacy((await import("@codemirror/legacy-modes/mode/shell")).shell, "#"),
  perl: async () => legacy((await import("@codemirror/legacy-modes/mode/perl")).perl),
  lua: async () => legacy((await import("@codemirror/legacy-modes/mode/lua")).lua),
  // DuckDB's words are PostgreSQL's, by and large.
  sql: async () => legacy((await import("@codemirror/legacy-modes/mode/sql")).pgSQL, "--"),
  markdown: async () => (await import("@codemirror/lang-markdown")).markdown(),
  chat: async () => (await import("./chat-language.ts")).chatLanguage(),
};

async function legacy(mode: StreamParser<unknown>, comment?: string): Promise<Extension> {
  const { StreamLanguage } = await import("@codemirror/language");
  if (comment === undefined) return StreamLanguage.define(mode);
  return StreamLanguage.define({ ...mode, languageData: { ...mode.languageData, commentTokens: { line: comment } } });
}

/** Whose grammar a cell has: that of its language, or of the program that a shell cell's first line names. */
export function grammarName(language: string, source: string): string {
  if (language !== "shell") return language;
  return /^#![^\n]*[/ \t](python|perl|lua)[\d.]*(?=\s|$)/.exec(source)?.[1] ?? language;
}

/** The grammar if it is here already. */
export function grammarNow(language: string): Extension | undefined {
  return language in LOADERS ? ready.get(language) : [];
}

/** The grammar of a language; one we have none for is plain text. */
export function grammar(language: string): Promise<Extension> {
  const load = LOADERS[language];
  if (!load) return Promise.resolve([]);
  let promise = loading.get(language);
  if (!promise) {
    promise = load().then((extension) => {
      ready.set(language, extension);
      return extension;
    });
    promise.catch(() => loading.delete(language));
    loading.set(language, promise);
  }
  return promise;
}
