/** Grammars by language, each loaded when a cell of its language first comes into view and never before first paint. */
import type { Extension } from "@codemirror/state";

const ready = new Map<string, Extension>();
const loading = new Map<string, Promise<Extension>>();

const LOADERS: Readonly<Record<string, () => Promise<Extension>>> = {
  python: async () => (await import("@codemirror/lang-python")).python(),
  typescript: async () => (await import("@codemirror/lang-javascript")).javascript({ typescript: true, jsx: true }),
  shell: async () => {
    const [{ StreamLanguage }, { shell }] = await Promise.all([
      import("@codemirror/language"),
      import("@codemirror/legacy-modes/mode/shell"),
    ]);
    return StreamLanguage.define({ ...shell, languageData: { ...shell.languageData, commentTokens: { line: "#" } } });
  },
  markdown: async () => (await import("@codemirror/lang-markdown")).markdown(),
};

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
