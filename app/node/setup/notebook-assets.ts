/**
 * Copies the notebooks that ship with Kroma into the site, with the files they use (metadata.kroma.files, relative to
 * the notebook) and an index.json that the library page reads without opening any of them.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

interface ShippedFile {
  readonly cells: readonly { readonly cell_type: string; readonly source: string | readonly string[] }[];
  readonly metadata: { readonly title?: string; readonly kroma?: { readonly files?: readonly string[] } };
}

const plain = (markdown: string) =>
  markdown
    .replace(/^#+ .*$/gm, "")
    .replace(/[*_`#]|\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/\s+/g, " ")
    .trim();

/** Writes `target/index.json` as {notebooks: [{path, title, excerpt, files}]}, and all files it names. Welcome is first. */
export function buildNotebooks(source: string, target: string): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const names = readdirSync(source)
    .filter((name) => name.endsWith(".ipynb"))
    .sort((a, b) => Number(b === "welcome.ipynb") - Number(a === "welcome.ipynb") || (a < b ? -1 : 1));
  const notebooks = names.map((name) => {
    cpSync(join(source, name), join(target, name));
    const file = JSON.parse(readFileSync(join(source, name), "utf8")) as ShippedFile;
    const files = file.metadata.kroma?.files ?? [];
    for (const path of files) {
      mkdirSync(dirname(join(target, path)), { recursive: true });
      cpSync(join(source, path), join(target, path));
    }
    const first = file.cells.find((cell) => cell.cell_type === "markdown")?.source ?? "";
    const excerpt = plain(typeof first === "string" ? first : first.join("")).slice(0, 160);
    return { path: `notebooks/${name}`, title: file.metadata.title ?? name, excerpt, files };
  });
  writeFileSync(join(target, "index.json"), `${JSON.stringify({ notebooks }, undefined, 1)}\n`);
}
