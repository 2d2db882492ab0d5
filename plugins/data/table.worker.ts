/** The worker of one table on the screen: reads the file, sorts, filters and sums, so that the page never waits. */
import { DataTable } from "./data-table.ts";
import type { FromTable, ToTable } from "./messages.ts";
import { readTable } from "./readers.ts";

const scope = self as unknown as {
  postMessage(message: FromTable): void;
  addEventListener(type: "message", listener: (event: MessageEvent<ToTable>) => void): void;
};

let table = new DataTable([], 0);
/** The last table that was asked for is the one that is read. */
let opened = 0;
let isWhole = false;
/** The look that is asked for, and the one that the rows are of. */
let wanted: Extract<ToTable, { type: "look" }> | undefined;
let shown = 0;

scope.addEventListener("message", ({ data }) => {
  if (data.type === "open") void open(data);
  else if (data.type === "look") {
    wanted = data;
    if (isWhole) setTimeout(look, 0);
  } else if (data.look === shown) {
    scope.postMessage({ type: "rows", look: shown, from: data.from, cells: table.cells(data.from, data.to) });
  }
});

async function open({ source }: Extract<ToTable, { type: "open" }>): Promise<void> {
  opened += 1;
  const turn = opened;
  isWhole = false;
  wanted = undefined;
  try {
    for await (const { columns, rows, progress, notes = [], ...others } of readTable(source)) {
      if (turn !== opened) return;
      table = new DataTable(columns, rows);
      isWhole = progress === 1;
      const infos = columns.map(({ name, kind }) => ({ name, kind }));
      scope.postMessage({ type: "table", columns: infos, rows, progress, notes, ...others });
      // What is asked meanwhile is answered between two pieces.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    if (turn !== opened) return;
    wanted ??= { type: "look", look: shown, view: { sort: undefined, filters: {} } };
    look();
  } catch (error) {
    if (turn !== opened) return;
    scope.postMessage({ type: "failed", reason: error instanceof Error ? error.message : String(error) });
  }
}

/** Only the last look that was asked for is carried out. */
function look(): void {
  if (!wanted) return;
  const { look: number, view } = wanted;
  wanted = undefined;
  table.look(view);
  shown = number;
  scope.postMessage({ type: "looked", look: number, rows: table.length, summaries: table.summaries() });
}
