/**
 * Which language a notebook and each of its cells is in, as .ipynb files tell it: the kernel's name for the notebook,
 * and for a cell a first line like `%%bash`, or what VS Code and Polyglot Notebooks write into its metadata.
 */
import type { Language } from "../base/ids.ts";

type Metadata = Readonly<Record<string, unknown>>;

const NAMES: Readonly<Record<string, Language>> = {
  python: "python",
  python2: "python",
  python3: "python",
  ipython: "python",
  ipython3: "python",
  py: "python",
  xpython: "python",
  typescript: "typescript",
  ts: "typescript",
  javascript: "typescript",
  js: "typescript",
  deno: "typescript",
  tslab: "typescript",
  jslab: "typescript",
  ijavascript: "typescript",
  node: "typescript",
  nodejs: "typescript",
  typescriptreact: "typescript",
  javascriptreact: "typescript",
  bash: "shell",
  sh: "shell",
  zsh: "shell",
  shell: "shell",
  shellscript: "shell",
  calysto_bash: "shell",
  chat: "chat",
  sql: "sql",
  duckdb: "sql",
};

// Magics that stand for one of our kernels. Others (%%html, %%time, %%capture …) are the Python kernel's to do.
const MAGIC =
  /^%%(?:(?<name>bash|sh|shell|typescript|ts|javascript|js|python3?|chat|sql)|script[ \t]+(?<script>(?:\/\S*\/)?(?:bash|sh)))(?=[ \t]|$)/;

const DEFAULT_MAGIC: Readonly<Record<string, string>> = {
  shell: "%%bash",
  typescript: "%%typescript",
  python: "%%python",
  chat: "%%chat",
  sql: "%%sql",
};

/** Our name of a language that a file calls `name`; one we don't know keeps its name, in lower case. */
export function languageNamed(name: string): Language {
  const plain = name.trim().toLowerCase();
  return Object.hasOwn(NAMES, plain) ? (NAMES[plain] as Language) : plain;
}

/** The main language of a notebook with this metadata; Python when it does not say. */
export function mainLanguage(metadata: Metadata): Language {
  const kernel = fieldsOf(metadata["kernelspec"]);
  const info = fieldsOf(metadata["language_info"]);
  for (const name of [fieldsOf(metadata["kroma"])["language"], kernel["language"], info["name"], kernel["name"]]) {
    if (typeof name === "string" && name.trim() !== "") return languageNamed(name);
  }
  return "python";
}

/** A code cell's language, its source without the line that says so, and that line. */
export interface CellLanguage {
  readonly language: Language;
  readonly source: string;
  readonly magic?: string;
}

/** What language a code cell of a notebook in `main` is in. `source` has LF line ends. */
export function detectLanguage(source: string, metadata: Metadata, main: Language): CellLanguage {
  const told = fieldsOf(metadata["kroma"])["language"];
  const end = source.indexOf("\n");
  const line = end < 0 ? source : source.slice(0, end);
  const match = MAGIC.exec(line);
  // JupySQL's way to name a result; in the cell itself it is a comment.
  const named = main === "sql" ? undefined : /^%%sql[ \t]+([A-Za-z_]\w*)[ \t]*<<[ \t]*$/.exec(line)?.[1];
  if (named !== undefined) {
    const body = end < 0 ? "" : source.slice(end + 1);
    return { language: "sql", source: `-- name: ${named}\n${body}`, magic: "%%sql" };
  }
  const found = match?.groups;
  // What follows the name (`%%bash -s a b`, `%%bash --out text`) only Python's magics understand.
  const isPlain = main !== "python" || line.trimEnd() === match?.[0];
  const name = isPlain ? (found?.["name"] ?? found?.["script"]?.replace(/^.*\//, "")) : undefined;
  const byMagic = name === undefined ? undefined : languageNamed(name);
  // In a notebook of that language the line is just a line: a Python kernel does %%python itself.
  const stripped =
    byMagic === undefined || byMagic === main
      ? undefined
      : { language: byMagic, source: end < 0 ? "" : source.slice(end + 1), magic: line };
  if (typeof told === "string") return stripped?.language === told ? stripped : { language: told, source };
  if (stripped) return stripped;
  if (line.startsWith("%%")) return { language: main, source };
  const code = fieldsOf(metadata["vscode"])["languageId"];
  const polyglot =
    fieldsOf(metadata["polyglot_notebook"])["kernelName"] ?? fieldsOf(metadata["dotnet_interactive"])["language"];
  for (const id of [polyglot, code]) {
    if (typeof id === "string" && id.trim() !== "") return { language: languageNamed(id), source };
  }
  return { language: main, source };
}

/** The line that says a cell's language in a notebook of another one; undefined when there is no such line. */
export function defaultMagic(language: Language, main: Language): string | undefined {
  return language === main ? undefined : DEFAULT_MAGIC[language];
}

/** Source with the line in front that says its language. */
export function withMagic(magic: string | undefined, source: string): string {
  if (magic === undefined) return source;
  return source === "" ? magic : `${magic}\n${source}`;
}

/** The kernelspec and language_info by which Jupyter finds a kernel for a new notebook. */
export function kernelMetadata(language: Language): Metadata {
  switch (language) {
    case "python":
      return {
        kernelspec: { display_name: "Python 3 (ipykernel)", language: "python", name: "python3" },
        language_info: { file_extension: ".py", mimetype: "text/x-python", name: "python" },
      };
    case "typescript":
      return {
        kernelspec: { display_name: "Deno", language: "typescript", name: "deno" },
        language_info: { file_extension: ".ts", mimetype: "text/x.typescript", name: "typescript" },
      };
    case "shell":
      return {
        kernelspec: { display_name: "Bash", language: "bash", name: "bash" },
        language_info: { file_extension: ".sh", mimetype: "text/x-sh", name: "bash" },
      };
    default:
      return { kernelspec: { display_name: language, language, name: language } };
  }
}

/** The fields of a metadata value, none when it is no object. */
export function fieldsOf(value: unknown): Metadata {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Metadata) : {};
}
