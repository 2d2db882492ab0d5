/** A notebook, as it is published: its .ipynb file with outputs, the files that its cells use, and what is said of it. */
import { writeIpynb } from "../notebook/ipynb.ts";
import type { Notebook, Output } from "../notebook/model.ts";
import type { SourceFile } from "./files.ts";
import { NOTEBOOK_PATH, type Author, type Environment } from "./manifest.ts";
import { environmentOf, parentsOf } from "./notebook-facts.ts";
import { WORKSPACE_FOLDER } from "./places.ts";
import type { ArtefactParts } from "./publish.ts";
import { withoutVersions } from "./versions.ts";
import { findSecrets, suspiciousName, textOf, type Suspicion } from "./secrets.ts";

/** What a person says of a notebook that they publish; the rest is taken from the notebook. */
export interface NotebookSaid {
  readonly title?: string;
  readonly name?: string;
  readonly version?: string;
  readonly authors: readonly Author[];
  readonly licence: string;
  readonly parents?: readonly string[];
  readonly capabilities?: readonly string[];
  readonly environment?: Environment;
  /** The version of Pyodide that Python cells run on here. */
  readonly pyodide?: string;
  /** CID of the Linux image that shell cells run on here. */
  readonly image?: string;
}

/** A file of the workspace that goes with it. */
export interface WorkspaceFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly content: SourceFile["content"];
}

/** A secret's place: "cell 3", "the output of cell 3", "data/keys.csv". */
export interface PlacedSuspicion extends Suspicion {
  readonly place: string;
}

/** The notebook's parts, to be published. `page` are the files of its static page, when there is one. */
export function notebookParts(
  notebook: Notebook,
  files: readonly WorkspaceFile[],
  said: NotebookSaid,
  page: readonly SourceFile[] = [],
): ArtefactParts {
  const title = said.title ?? (notebook.title || "Untitled notebook");
  const encoder = new TextEncoder();
  return {
    kind: "notebook",
    name: said.name ?? nameFrom(title),
    version: said.version ?? "1.0.0",
    title,
    authors: said.authors,
    licence: said.licence,
    entry: NOTEBOOK_PATH,
    environment: said.environment ?? environmentOf(notebook, said),
    models: [],
    prompts: [],
    capabilities: said.capabilities ?? [],
    parents: said.parents ?? parentsOf(notebook),
    content: [
      { path: NOTEBOOK_PATH, content: encoder.encode(writeIpynb(withoutVersions(notebook))) },
      ...page,
      ...files.map(({ path, content }) => ({ path: `${WORKSPACE_FOLDER}${path}`, content })),
    ],
  };
}

/** What looks like a secret in the cells and their outputs. */
export function secretsInNotebook(notebook: Notebook): readonly PlacedSuspicion[] {
  return notebook.cells.flatMap(({ source, run, attachments }, index) => {
    const cell = `cell ${index + 1}`;
    const shown = (run?.outputs ?? []).flatMap(textsOf);
    return [
      ...placed(cell, findSecrets(source)),
      ...shown.flatMap((text) => placed(`the output of ${cell}`, findSecrets(text))),
      ...placed(
        `an attachment of ${cell}`,
        attachments ? textsOfBundles(Object.values(attachments)).flatMap(findSecrets) : [],
      ),
    ];
  });
}

/** What looks like a secret in a file, or in its name. */
export function secretsInFile(path: string, bytes: Uint8Array): readonly PlacedSuspicion[] {
  const name = suspiciousName(path);
  const text = textOf(bytes);
  return [
    ...(name === undefined ? [] : [{ place: path, what: name, line: 1, shown: "" }]),
    ...(text === undefined ? [] : placed(path, findSecrets(text))),
  ];
}

/** A name for machines out of a title: small letters, digits and hyphens. */
export function nameFrom(title: string): string {
  const plain = title
    .normalize("NFKD")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 60)
    .replace(/-+$/, "");
  return plain || "notebook";
}

const placed = (place: string, found: readonly Suspicion[]): readonly PlacedSuspicion[] =>
  found.map((suspicion) => ({ ...suspicion, place }));

function textsOf(output: Output): readonly string[] {
  switch (output.output_type) {
    case "stream":
      return [output.text];
    case "error":
      return [output.evalue, output.traceback.join("\n")];
    case "display_data":
    case "execute_result":
      return textsOfBundles([output.data]);
  }
}

/** Texts and JSON; the letters of a picture's bytes say nothing. */
function textsOfBundles(bundles: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return bundles.flatMap((bundle) =>
    Object.entries(bundle).flatMap(([type, data]) => {
      if (/^(?:image\/(?!svg)|audio\/|video\/|application\/(?:pdf|octet-stream))/.test(type)) return [];
      return [typeof data === "string" ? data : JSON.stringify(data)];
    }),
  );
}
