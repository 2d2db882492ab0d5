/**
 * The outputs of a cell, in order. A stream that grows tells its drawing by a `kroma:update` event; anything else is
 * drawn again only when its data changed, and keeps its height until the new drawing is there.
 */
import { Show, createEffect, createMemo, onCleanup, type JSX } from "solid-js";
import type { CellId } from "#core/base/ids.ts";
import type { MimeBundle } from "#core/kernel/mime.ts";
import type { Cell, Output } from "#core/notebook/model.ts";
import { ByPlace } from "#kit/by-place.tsx";
import { drawBundle, pick } from "./draw.ts";
import { fold, isFolded } from "./folding.ts";
import type { PageView } from "./view.ts";

const STREAM = "application/vnd.kroma.stream";
const ERROR = "application/vnd.kroma.error";

/** An output as a MIME bundle; streams and errors have types of their own. */
export function bundleOf(output: Output): {
  readonly bundle: MimeBundle;
  readonly metadata: Readonly<Record<string, unknown>>;
} {
  if (output.output_type === "stream")
    return { bundle: { [STREAM]: { name: output.name, text: output.text } }, metadata: {} };
  if (output.output_type === "error") {
    const { ename, evalue, traceback, line } = output;
    return { bundle: { [ERROR]: { ename, evalue, traceback, ...(line === undefined ? {} : { line }) } }, metadata: {} };
  }
  return { bundle: output.data, metadata: output.metadata };
}

function sameData(a: Output, b: Output): boolean {
  if (a === b) return true;
  const [x, y] = [bundleOf(a), bundleOf(b)];
  const keys = Object.keys(x.bundle);
  return (
    keys.length === Object.keys(y.bundle).length &&
    keys.every(
      (key) => x.bundle[key] === y.bundle[key] || JSON.stringify(x.bundle[key]) === JSON.stringify(y.bundle[key]),
    ) &&
    (x.metadata === y.metadata || JSON.stringify(x.metadata) === JSON.stringify(y.metadata))
  );
}

export interface OutputAreaProps {
  readonly view: PageView;
  readonly id: CellId;
  readonly cell: () => Cell;
  readonly outputs: () => readonly Output[];
  readonly running: () => boolean;
}

export function OutputArea(props: OutputAreaProps): JSX.Element {
  return (
    <Show
      when={!isFolded(props.cell(), "outputs")}
      fallback={
        <button
          type="button"
          class="folded"
          aria-expanded="false"
          onClick={() => void props.view.change([fold(props.cell(), "outputs", false)], "unfold outputs")}
        >
          {props.outputs().length === 1 ? "1 output, folded" : `${props.outputs().length} outputs, folded`}
        </button>
      }
    >
      <div class="outputs">
        <ByPlace each={props.outputs()}>
          {(output) => <OutputView view={props.view} id={props.id} output={output} />}
        </ByPlace>
      </div>
    </Show>
  );
}

function OutputView(props: {
  readonly view: PageView;
  readonly id: CellId;
  readonly output: () => Output;
}): JSX.Element {
  const output = createMemo(() => props.output(), undefined, { equals: sameData });
  const mime = createMemo(() => {
    const bundle = bundleOf(output()).bundle;
    return pick(bundle)?.mimeType ?? Object.keys(bundle)[0] ?? "text/plain";
  });
  return (
    <div
      class="output"
      data-output=""
      data-mime={mime()}
      ref={(element) => {
        let shown: { readonly mime: string; readonly stop: () => void } | undefined;
        createEffect(() => {
          const { bundle, metadata } = bundleOf(output());
          const type = mime();
          if (shown && shown.mime === type && type === STREAM && element.childElementCount > 0) {
            element.dispatchEvent(new CustomEvent("kroma:update", { detail: bundle[type] }));
            return;
          }
          shown = {
            mime: type,
            stop: drawBundle(element, bundle, metadata, props.view, { replace: true, stopBefore: shown?.stop }),
          };
        });
        onCleanup(() => shown?.stop());
        const goTo = (event: Event): void => {
          const place = (event as CustomEvent<{ readonly line: number; readonly name: string | undefined }>).detail;
          goToLine(props.view, cellCalled(props.view, place.name) ?? props.id, place.line);
        };
        element.addEventListener("kroma:goto-line", goTo);
      }}
    />
  );
}

/** The cell that a traceback calls "cell 3"; undefined for files and for the cell itself. */
function cellCalled(view: PageView, name: string | undefined): CellId | undefined {
  const number = /^cell (\d+)$/.exec(name ?? "")?.[1];
  return number === undefined ? undefined : view.cells()[Number(number) - 1]?.id;
}

/** Puts the caret at the start of a line (from 1) of a cell. */
export function goToLine(view: PageView, cell: CellId, line: number): void {
  const source = view.cell(cell)?.source;
  if (source === undefined) return;
  const before = source.split("\n").slice(0, Math.max(0, line - 1));
  const at = before.reduce((sum, text) => sum + text.length + 1, 0);
  view.choose(cell, { mode: "edit", caret: Math.min(at, source.length) });
}
