/**
 * `npm run bench [NAME…]`: the numbers we promise, each a ratio against a baseline measured in the same run, or a size.
 * Prints a table; exits 1 when one is over its goal. Nothing here is part of `npm test`: machines are noisy.
 */
import { benchArtefacts } from "./artefacts.ts";
import { benchBesideYjs } from "./beside-yjs.ts";
import { benchBigModel } from "./big-model.ts";
import { benchBytes } from "./bytes.ts";
import { benchCells } from "./cells.ts";
import { benchFirstVisit } from "./first-visit.ts";
import { benchIdleMachine } from "./idle-machine.ts";
import { benchJoin } from "./join.ts";
import { benchKernels } from "./kernels.ts";
import { benchLines } from "./lines.ts";
import { benchKeptMachine } from "./kept-machine.ts";
import { benchMachine } from "./machine.ts";
import { benchMachineFiles } from "./machine-files.ts";
import { benchPublish } from "./publish.ts";
import { benchModels } from "./models.ts";
import { benchTables } from "./tables.ts";
import { benchKeys, benchTogether } from "./together.ts";

/** One promised number. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  /** "×" for a ratio, "ms", "kB", "nodes", "% of a core". */
  readonly unit: string;
  /** The value must not be over it. */
  readonly goal: number;
  /** What was measured, and against what. */
  readonly detail: string;
}

const BENCHES: Readonly<Record<string, () => Promise<readonly Figure[]>>> = {
  bytes: benchBytes,
  "first-visit": benchFirstVisit,
  kernels: benchKernels,
  machine: benchMachine,
  "machine-files": benchMachineFiles,
  "idle-machine": benchIdleMachine,
  "kept-machine": benchKeptMachine,
  lines: benchLines,
  cells: benchCells,
  publish: benchPublish,
  models: benchModels,
  "big-model": benchBigModel,
  tables: benchTables,
  together: benchTogether,
  keys: benchKeys,
  join: benchJoin,
  artefacts: benchArtefacts,
  "beside-yjs": benchBesideYjs,
};

const wanted = process.argv.slice(2);
for (const name of wanted) {
  if (!(name in BENCHES)) {
    console.error(`no benchmark is called ${name}; there are ${Object.keys(BENCHES).join(", ")}`);
    process.exit(2);
  }
}
let over = 0;
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  for (const figure of await bench()) {
    const met = figure.value <= figure.goal;
    if (!met) over++;
    const number = (value: number) => (value >= 100 ? value.toFixed(0) : value.toFixed(2));
    console.log(
      `  ${met ? "ok  " : "OVER"} ${figure.name}: ${number(figure.value)} ${figure.unit} (goal ${number(figure.goal)}) — ${figure.detail}`,
    );
  }
}
process.exit(over === 0 ? 0 : 1);
