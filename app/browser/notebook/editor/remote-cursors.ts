/**
 * Where others are in a cell's text: their selection and caret in their colour, with their name for a moment after they
 * moved. Drawn in layers over and under the text, so that the text itself, what is copied, and what a screen reader
 * reads are as if nobody else were there. Between two tellings a place moves along with what is typed.
 */
import { EditorSelection, StateEffect, StateField, Transaction, type Extension } from "@codemirror/state";
import { RectangleMarker, layer, type EditorView, type LayerMarker, type ViewUpdate } from "@codemirror/view";

/** Another's place in the text, as they tell it: offsets in UTF-16 code units that the text may not have yet. */
export interface RemoteCursor {
  readonly id: string;
  readonly name: string;
  /** A CSS value. */
  readonly colour: string;
  readonly anchor: number;
  readonly head: number;
}

interface Placed extends RemoteCursor {
  /** What was told last: the places above move with the text. */
  readonly told: readonly [anchor: number, head: number];
  /** Another number each time they moved: their name is shown anew. */
  readonly moved: number;
}

const tell = StateEffect.define<readonly RemoteCursor[]>();

function place(cursors: readonly RemoteCursor[], before: readonly Placed[], length: number): readonly Placed[] {
  const fit = (offset: number): number => Math.max(0, Math.min(offset, length));
  return cursors.map((cursor) => {
    const known = before.find(({ id }) => id === cursor.id);
    const told = [cursor.anchor, cursor.head] as const;
    const still = known !== undefined && known.told[0] === told[0] && known.told[1] === told[1];
    // Told again as it was: then what was typed since has moved it on, and knows better.
    const [anchor, head] = still ? [known.anchor, known.head] : [fit(cursor.anchor), fit(cursor.head)];
    return { ...cursor, anchor, head, told, moved: still ? known.moved : (known?.moved ?? 0) + 1 };
  });
}

const cursors = StateField.define<readonly Placed[]>({
  create: () => [],
  update(placed, transaction) {
    let next = placed;
    if (transaction.docChanged && next.length > 0) {
      // What comes from others is most often typed by the one whose caret is there, and moves it; one's own is not.
      const side = transaction.annotation(Transaction.remote) ? 1 : -1;
      next = next.map((cursor) => ({
        ...cursor,
        anchor: transaction.changes.mapPos(cursor.anchor, side),
        head: transaction.changes.mapPos(cursor.head, side),
      }));
    }
    for (const effect of transaction.effects)
      if (effect.is(tell)) next = place(effect.value, next, transaction.newDoc.length);
    return next;
  },
});

class Mark implements LayerMarker {
  readonly #rectangle: RectangleMarker;
  readonly #colour: string;

  constructor(rectangle: RectangleMarker, colour: string) {
    this.#rectangle = rectangle;
    this.#colour = colour;
  }

  eq(other: Mark): boolean {
    return this.#rectangle.eq(other.#rectangle) && this.#colour === other.#colour;
  }

  draw(): HTMLElement {
    const element = this.#rectangle.draw();
    element.style.setProperty("--person", this.#colour);
    return element;
  }
}

/** Room that a name of so many letters takes at most, roughly. */
const flagWidth = (name: string): number => Math.min(18, name.length) * 7 + 10;

class Caret implements LayerMarker {
  readonly #rectangle: RectangleMarker;
  readonly #cursor: Placed;
  readonly #isFirst: boolean;
  readonly #isFlipped: boolean;

  constructor(rectangle: RectangleMarker, cursor: Placed, view: EditorView) {
    this.#rectangle = rectangle;
    this.#cursor = cursor;
    this.#isFirst = rectangle.top < 14;
    const room = Math.max(view.scrollDOM.clientWidth, view.contentDOM.scrollWidth) - rectangle.left;
    this.#isFlipped = room < flagWidth(cursor.name) && rectangle.left > room;
  }

  eq(other: Caret): boolean {
    const [a, b] = [this.#cursor, other.#cursor];
    return (
      this.#rectangle.eq(other.#rectangle) &&
      a.id === b.id &&
      a.name === b.name &&
      a.colour === b.colour &&
      a.moved === b.moved
    );
  }

  draw(): HTMLElement {
    const element = document.createElement("div");
    element.className = `remote-caret${this.#isFirst ? " first" : ""}${this.#isFlipped ? " flipped" : ""}`;
    element.style.setProperty("--person", this.#cursor.colour);
    this.#stand(element);
    const flag = document.createElement("span");
    flag.className = "remote-flag";
    flag.dir = "auto";
    flag.textContent = this.#cursor.name;
    element.append(flag);
    return element;
  }

  /** Moved by the text alone: the name, if it is shown, stays as it is. */
  update(element: HTMLElement, before: Caret): boolean {
    const same =
      this.#cursor.id === before.#cursor.id &&
      this.#cursor.name === before.#cursor.name &&
      this.#cursor.colour === before.#cursor.colour &&
      this.#cursor.moved === before.#cursor.moved &&
      this.#isFirst === before.#isFirst &&
      this.#isFlipped === before.#isFlipped;
    if (same) this.#stand(element);
    return same;
  }

  #stand(element: HTMLElement): void {
    element.style.left = `${this.#rectangle.left}px`;
    element.style.top = `${this.#rectangle.top}px`;
    element.style.height = `${this.#rectangle.height}px`;
  }
}

const differs = (update: ViewUpdate): boolean =>
  update.docChanged ||
  update.geometryChanged ||
  update.startState.field(cursors, false) !== update.state.field(cursors, false);

const selections = layer({
  above: false,
  class: "remote-layer",
  update: differs,
  markers: (view) =>
    view.state
      .field(cursors)
      .flatMap(({ anchor, head, colour }) =>
        anchor === head
          ? []
          : RectangleMarker.forRange(view, "remote-selection", EditorSelection.range(anchor, head)).map(
              (rectangle) => new Mark(rectangle, colour),
            ),
      ),
});

const carets = layer({
  above: true,
  class: "remote-layer",
  update: differs,
  markers: (view) =>
    view.state
      .field(cursors)
      .flatMap((cursor) =>
        RectangleMarker.forRange(view, "", EditorSelection.cursor(cursor.head)).map(
          (rectangle) => new Caret(rectangle, cursor, view),
        ),
      ),
});

/** Shows others in an editor, and these at first. */
export const remoteCursors = (first: readonly RemoteCursor[]): Extension => [
  cursors.init((state) => place(first, [], state.doc.length)),
  selections,
  carets,
];

/** Tells an editor where others are now. */
export const setRemoteCursors = (now: readonly RemoteCursor[]): StateEffect<readonly RemoteCursor[]> => tell.of(now);

/** The places as the editor has them. */
export const remoteCursorsOf = (view: EditorView): readonly RemoteCursor[] => view.state.field(cursors);
