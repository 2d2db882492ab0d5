/**
 * The part of a figure that runs in its frame: Plotly, and what it is told to draw. `figureProgram` travels as text, so it must
 * not use anything outside itself.
 */

export type ToFigureFrame =
  | { readonly type: "load"; readonly script: string }
  | {
      readonly type: "draw";
      readonly figure: {
        readonly data: readonly unknown[];
        readonly layout: Readonly<Record<string, unknown>>;
        readonly config: Readonly<Record<string, unknown>>;
        readonly frames?: readonly unknown[] | undefined;
      };
      /** Pixels. */
      readonly height: number;
    };

export type FromFigureFrame =
  /** So many traces are drawn. */
  { readonly type: "drawn"; readonly traces: number } | { readonly type: "failed"; readonly message: string };

interface Bridge {
  send(message: FromFigureFrame): void;
  receive(listener: (message: ToFigureFrame) => void): void;
}
interface Library {
  react(element: HTMLElement, figure: unknown): Promise<unknown>;
}

/** Runs in the frame, where `window.kroma` is the way to the page (see app/kit/frame.ts). */
export function figureProgram(): void {
  const scope = window as unknown as { readonly kroma: Bridge; readonly Plotly?: Library };
  const element = document.createElement("div");
  let turn: Promise<unknown> = Promise.resolve();
  scope.kroma.receive((message) => {
    if (message.type === "load") {
      const script = document.createElement("script");
      script.textContent = message.script;
      document.head.append(script);
      script.remove();
      return;
    }
    turn = turn.then(async () => {
      try {
        if (!element.isConnected) document.body.append(element);
        element.style.height = `${message.height}px`;
        await scope.Plotly?.react(element, message.figure);
        const drawn = (element as unknown as { readonly calcdata?: readonly unknown[] }).calcdata;
        scope.kroma.send({ type: "drawn", traces: drawn?.length ?? 0 });
      } catch (error) {
        scope.kroma.send({ type: "failed", message: error instanceof Error ? error.message : String(error) });
      }
    });
  });
}
