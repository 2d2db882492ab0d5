/**
 * Peers who write in one notebook, cut off from each other, some of whom begin its history anew meanwhile: in the same
 * document, in two at once, one after the other. Whoever meets somebody whose document goes on translates what they have.
 * They end with the same document; nothing is lost, nothing is there twice (T1 to T10).
 */
import * as Automerge from "@automerge/automerge";
import type { CellId } from "#core/base/ids.ts";
import { allPlaced, documentOf, isHidden } from "#core/notebook/document.ts";
import type { NotebookOperation } from "#core/notebook/model.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellId, newCell, newRun } from "./kit.ts";
import {
  change,
  expectSame,
  meet,
  notebookWith,
  peerWith,
  present,
  reseed,
  shuffleWith,
  type Peer,
} from "./reseed-kit.ts";

const step = fc.record({
  who: fc.nat(9),
  what: fc.oneof(
    ...(
      [
        [4, "insert"],
        [8, "type"],
        [3, "cut"],
        [2, "move"],
        [2, "delete"],
        [2, "restore"],
        [2, "split"],
        [2, "merge"],
        [2, "run"],
        [1, "clear"],
        [1, "title"],
        [1, "metadata"],
        [1, "version"],
        [2, "undo"],
        [6, "meet"],
        [2, "reseed"],
      ] as const
    ).map(([weight, what]) => ({ weight, arbitrary: fc.constant(what) })),
  ),
  a: fc.nat(1000),
  b: fc.nat(1000),
  c: fc.nat(1000),
});

const TOKEN = /«\d+»/gu;
const STRUCTURAL: readonly string[] = ["split", "merge", "undo"];

describe("documents that begin anew", () => {
  it("are the same for all peers, with nothing lost and nothing doubled", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 2, max: 4 }),
        fc.boolean(),
        fc.array(step, { minLength: 20, maxLength: 60 }),
        (count, simple, steps) =>
          play(
            count,
            steps.filter(({ what }) => !simple || !STRUCTURAL.includes(what)),
          ),
      ),
      { numRuns: Number(process.env["KROMA_RUNS"] ?? 10), endOnFailure: true },
    );
  });
});

async function play(
  count: number,
  steps: readonly { who: number; what: string; a: number; b: number; c: number }[],
): Promise<void> {
  const first = await documentOf(notebookWith("«0»😀"), new Map());
  const peers = Array.from({ length: count }, () => peerWith(first));
  const structural = steps.some(({ what }) => STRUCTURAL.includes(what));
  let made = 0;
  let time = 0;
  shuffleWith(steps.reduce((sum, { a, b, c }) => sum * 31 + a + b + c, count));
  const typed = new Set(["«0»"]);
  const removed = new Set<string>();
  for (const { who, what, a, b, c } of steps) {
    const peer = peers[who % count] as Peer;
    const { cells } = present(peer.document);
    const cell = cells[a % Math.max(cells.length, 1)];
    const other = cells[b % Math.max(cells.length, 1)];
    const tokens = cell?.source.match(TOKEN) ?? [];
    const borders = [0, ...[...(cell?.source ?? "").matchAll(TOKEN)].map((found) => found.index + found[0].length)];
    const at = borders[b % borders.length] as number;
    const act = (operations: readonly NotebookOperation[], added: readonly string[] = []): void => {
      for (const token of added) typed.add(token);
      time += 1;
      peer.undo.push({ operations: change(peer, operations, time, c), tokens: added });
    };
    if (what === "meet") await meet(peer, peers[a % count] as Peer);
    else if (what === "reseed") await reseed(peer);
    else if (what === "insert" || cell === undefined) {
      const token = `«${(made += 1)}»`;
      act([{ type: "insert_cell", cell: newCell(`n${made}`, token), after: other?.id }], [token]);
    } else if (what === "type") {
      const token = `«${(made += 1)}»${c % 3 === 0 ? "😀" : ""}`;
      act([{ type: "splice_text", cell: cell.id, at, remove: 0, insert: token }], [token.match(TOKEN)?.[0] as string]);
    } else if (what === "cut" && tokens.length > 0) {
      const from = cell.source.indexOf(tokens[b % tokens.length] as string);
      const to = c % 2 === 0 ? cell.source.length : from + (tokens[b % tokens.length] as string).length;
      for (const token of cell.source.slice(from, to).match(TOKEN) ?? []) removed.add(token);
      act([{ type: "splice_text", cell: cell.id, at: from, remove: to - from, insert: "" }]);
    } else if (what === "move") {
      act([{ type: "move_cell", cell: cell.id, after: c % 5 === 0 ? undefined : other?.id }]);
    } else if (what === "delete") {
      for (const token of tokens) removed.add(token);
      act([{ type: "delete_cell", cell: cell.id }]);
    } else if (what === "restore") {
      const hidden = allPlaced(peer.document).filter(({ id }) => isHidden(peer.document, id));
      const gone = hidden[a % Math.max(hidden.length, 1)];
      if (gone) act([{ type: "restore_cell", cell: gone.id as CellId }]);
    } else if (what === "split") {
      act([{ type: "split_cell", cell: cell.id, at, newCell: cellId(`s${(made += 1)}`) }]);
    } else if (what === "merge" && other) act([{ type: "merge_cells", cell: cell.id, other: other.id }]);
    else if (what === "run") act([{ type: "set_run", cell: cell.id, run: newRun(`r${(made += 1)}`, "out") }]);
    else if (what === "clear") act([{ type: "clear_run", cell: cell.id }]);
    else if (what === "title") act([{ type: "set_title", title: `title ${(made += 1)}` }]);
    else if (what === "metadata") {
      act([
        { type: "set_metadata", metadata: { [`k${b % 3}`]: c % 4 === 0 ? undefined : c } },
        { type: "set_cell_metadata", cell: cell.id, metadata: { [`k${b % 3}`]: c % 4 === 0 ? undefined : c } },
        { type: "set_language", cell: cell.id, kind: "code", language: c % 2 ? "python" : "typescript" },
      ]);
    } else if (what === "version") {
      const heads = Automerge.getHeads(peer.document);
      act([{ type: "set_version", version: `v${(made += 1)}`, to: { name: `name ${made}`, time, heads } }]);
    } else if (what === "undo") {
      const last = peer.undo.pop();
      for (const token of last?.tokens ?? []) removed.add(token);
      for (const operation of last?.operations ?? []) {
        if (operation.type !== "delete_cell" && operation.type !== "merge_cells") continue;
        const gone = operation.type === "delete_cell" ? operation.cell : operation.other;
        const doomed = present(peer.document).cells.find(({ id }) => id === gone);
        for (const token of doomed?.source.match(TOKEN) ?? []) if (operation.type === "delete_cell") removed.add(token);
      }
      // Where the text was is known only as long as nothing else was written in it.
      if (last)
        change(
          peer,
          last.operations.filter(({ type }) => type !== "splice_text"),
          time,
          c,
        );
    }
  }
  for (let round = 0; round < count + 1; round += 1) {
    for (const one of peers) for (const other of peers) await meet(one, other);
  }
  const { cells } = expectSame(peers);
  expect(new Set(cells.map((cell) => cell.id)).size).toBe(cells.length);
  const all = cells.map((cell) => cell.source).join("|");
  for (const token of typed) {
    const times = all.split(token).length - 1;
    if (!removed.has(token) && times === 0) expect.fail(`${token} is lost: ${all}`);
    if (!structural && times > 1) expect.fail(`${token} is there ${times} times: ${all}`);
  }
  for (const { document } of peers) Automerge.free(document);
}
