/**
 * Where links in texts and outputs lead that are not on the web: to headings of other cells, and to the notebook's
 * files. The renderers say so by bubbling events, because they know neither the other cells nor the workspace.
 */
import { Show, createSignal, onCleanup, type Component, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { Workspace } from "#core/workspace/workspace.ts";
import type { PageActions } from "#kit/commands.ts";
import { headings } from "#plugins/markdown/headings.ts";
import type { FileView } from "../panels/file-view.tsx";
import type { PageView } from "./view.ts";

/** A path as an author writes it ("./a.png", "/workspace/a.png") as the workspace wants it; undefined: it leads outside. */
export function fromNotebook(path: string): string | undefined {
  const names: string[] = [];
  for (const part of path.replace(/^\/workspace(?=\/|$)/, "").split("/")) {
    if (part === "..") {
      if (names.pop() === undefined) return undefined;
    } else if (part !== "" && part !== ".") names.push(part);
  }
  return names.join("/");
}

/** A file of the workspace; undefined if there is none, or no workspace. */
export async function readFile(workspace: Workspace | undefined, path: string): Promise<Blob | undefined> {
  const place = fromNotebook(path);
  if (!workspace || place === undefined) return undefined;
  const stat = await workspace.stat(place);
  if (!stat || stat.kind === "directory") return undefined;
  const bytes = await workspace.read(place);
  return new Blob([bytes as Uint8Array<ArrayBuffer>]);
}

interface Shown {
  readonly path: string;
  readonly workspace: Workspace;
  readonly View: Component<Parameters<typeof FileView>[0]>;
}

/** Wraps what may hold such links. */
export function FollowLinks(props: {
  readonly view: PageView;
  readonly page: PageActions;
  readonly workspace: () => Promise<Workspace | undefined>;
  /** The panel that is open. */
  readonly panel: string | undefined;
  readonly children: JSX.Element;
}): JSX.Element {
  const [shown, setShown] = createSignal<Shown>();
  const openFile = async (path: string): Promise<void> => {
    const workspace = await props.workspace();
    if (!workspace) return props.page.toast("The files of this notebook cannot be reached here.");
    const place = fromNotebook(path);
    const stat = place === undefined ? undefined : await workspace.stat(place);
    if (place !== undefined && (stat?.kind === "directory" || place === "")) {
      if (props.panel !== "files") props.page.togglePanel("files");
    } else if (place === undefined || !stat) props.page.toast(`There is no file “${path}” with this notebook.`);
    else setShown({ path: place, workspace, View: (await import("../panels/file-view.tsx")).FileView });
  };
  const goToHeading = (root: HTMLElement, id: string): void => {
    const cell = cellWithHeading(props.view, id) ?? cellWithPlace(root, id);
    if (cell === undefined) return props.page.toast(`There is no “${id.replace(/^heading-/, "")}” in this notebook.`);
    props.view.choose(cell);
    props.view.list?.scrollTo(cell, "start");
    // A heading further down in its cell; one that is not drawn yet comes with the top of its cell.
    placeIn(root.querySelector(`[data-cell="${CSS.escape(cell)}"]`), id)?.scrollIntoView({ block: "start" });
  };
  const listen = (root: HTMLElement): void => {
    const onHeading = (event: Event): void =>
      goToHeading(root, String((event as CustomEvent<{ readonly id: string }>).detail.id));
    const onFile = (event: Event): void => {
      const { path } = (event as CustomEvent<{ readonly path: string }>).detail;
      openFile(String(path)).catch((error: unknown) =>
        props.page.toast(`“${path}” cannot be opened: ${error instanceof Error ? error.message : String(error)}`),
      );
    };
    root.addEventListener("kroma:goto-heading", onHeading);
    root.addEventListener("kroma:open-file", onFile);
    onCleanup(() => {
      root.removeEventListener("kroma:goto-heading", onHeading);
      root.removeEventListener("kroma:open-file", onFile);
    });
  };
  return (
    <div ref={listen} style={{ display: "contents" }}>
      {props.children}
      <Show when={shown()} keyed>
        {({ View, path, workspace }) => (
          <View path={path} workspace={workspace} page={props.page} onClose={() => setShown(undefined)} />
        )}
      </Show>
    </div>
  );
}

/** The first text cell with this heading; letter case counts only where both are there (GitHub links are in lower case). */
function cellWithHeading(view: PageView, id: string): CellId | undefined {
  const texts = view.cells().filter((cell) => cell.kind === "markdown");
  const holding = (fits: (heading: string) => boolean): CellId | undefined =>
    texts.find((cell) => headings(cell.source).some((heading) => fits(heading.id)))?.id;
  const lower = id.toLowerCase();
  return holding((heading) => heading === id) ?? holding((heading) => heading.toLowerCase() === lower);
}

/** The cell with a place that its author named himself, `<a id="…">`. */
function cellWithPlace(root: HTMLElement, id: string): CellId | undefined {
  const cell = placeIn(root, id)?.closest<HTMLElement>("[data-cell]");
  return cell?.dataset["cell"] as CellId | undefined;
}

function placeIn(root: Element | null, id: string): Element | undefined {
  const name = CSS.escape(id.replace(/^heading-/, ""));
  const exact = `[id="${CSS.escape(id)}" i], [id="user-content-${name}"], [name="user-content-${name}"]`;
  return root?.querySelector(exact) ?? undefined;
}
