/**
 * Three and more peers change one notebook, cut off from each other for a while, and exchange changes in any order,
 * some of them twice. They end the same; no cell is there twice; the order is total; text that nobody removed is there.
 */
import type { CellId } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import type { NotebookOperation } from "#core/notebook/model.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BreakableStore, newCell, newRun, openWith, plain, startHost } from "./kit.ts";

interface Peer {
  readonly host: DocumentHost;
  readonly client: NotebookClient;
  readonly undo: { readonly operations: readonly NotebookOperation[]; readonly tokens: readonly string[] }[];
}

const step = fc.record({
  who: fc.nat(9),
  what: fc.oneof(
    { weight: 4, arbitrary: fc.constant("insert") },
    { weight: 6, arbitrary: fc.constant("type") },
    { weight: 1, arbitrary: fc.constant("cut") },
    { weight: 3, arbitrary: fc.constant("move") },
    { weight: 2, arbitrary: fc.constant("delete") },
    { weight: 2, arbitrary: fc.constant("split") },
    { weight: 2, arbitrary: fc.constant("merge") },
    { weight: 2, arbitrary: fc.constant("run") },
    { weight: 2, arbitrary: fc.constant("undo") },
    { weight: 6, arbitrary: fc.constant("exchange") },
  ),
  a: fc.nat(1000),
  b: fc.nat(1000),
  c: fc.nat(1000),
});

const TOKEN = /«\d+»/g;

describe("peers that were apart", () => {
  it("converge, with every cell once and nothing lost", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 5 }),
        fc.array(step, { minLength: 20, maxLength: 60 }),
        async (count, steps) => {
          const first = startHost();
          const client = await openWith(first.library, [newCell("start", "«0»")]);
          const { document } = client;
          await first.library.flush();
          const peers: Peer[] = [{ host: first.host, client, undo: [] }];
          while (peers.length < count) {
            const store = new BreakableStore();
            await store.write({ put: await first.store.loadRange([]) });
            const { host, library } = startHost({ store });
            peers.push({ host, client: await library.open(document), undo: [] });
          }
          let made = 0;
          // Tokens somebody may have removed, and tokens that may be there twice: a cell that was typed in while another
          // merged or split it comes back whole, and its text is then in both.
          const typed = new Set(["«0»"]);
          const removed = new Set<string>();
          let structural = false;
          const deliver = async (from: Peer, to: Peer, shuffle: number): Promise<void> => {
            const changes = [...(await from.host.changesSince(document, await to.host.heads(document)))];
            for (let index = changes.length - 1; index > 0; index -= 1) {
              const other = (shuffle * (index + 7)) % (index + 1);
              [changes[index], changes[other]] = [changes[other] as Uint8Array, changes[index] as Uint8Array];
            }
            await to.host.applyChanges(document, [...changes, ...changes.slice(0, 2)]);
          };
          for (const { who, what, a, b, c } of steps) {
            const peer = peers[who % count] as Peer;
            const { cells } = peer.client.notebook;
            const cell = cells[a % Math.max(cells.length, 1)];
            const other = cells[b % Math.max(cells.length, 1)];
            const tokens = cell?.source.match(TOKEN) ?? [];
            const borders = [
              0,
              ...[...(cell?.source ?? "").matchAll(TOKEN)].map((found) => found.index + found[0].length),
            ];
            const at = borders[b % borders.length] as number;
            const act = async (
              operations: readonly NotebookOperation[],
              added: readonly string[] = [],
            ): Promise<void> => {
              for (const token of added) typed.add(token);
              peer.undo.push({ operations: await peer.client.change(operations), tokens: added });
            };
            if (what === "exchange") {
              const target = peers[a % count] as Peer;
              if (target !== peer) {
                await deliver(peer, target, b);
                if (c % 2) await deliver(target, peer, c);
                await target.client.change([]);
                await peer.client.change([]);
              }
            } else if (what === "insert" || cell === undefined) {
              const token = `«${(made += 1)}»`;
              await act([{ type: "insert_cell", cell: newCell(`n${made}`, token), after: other?.id }], [token]);
            } else if (what === "type") {
              const token = `«${(made += 1)}»`;
              await act([{ type: "splice_text", cell: cell.id, at, remove: 0, insert: token }], [token]);
            } else if (what === "cut" && tokens.length > 0) {
              const [token] = tokens as [string];
              removed.add(token);
              await act([
                {
                  type: "splice_text",
                  cell: cell.id,
                  at: cell.source.indexOf(token),
                  remove: token.length,
                  insert: "",
                },
              ]);
            } else if (what === "move") {
              await act([{ type: "move_cell", cell: cell.id, after: c % 5 === 0 ? undefined : other?.id }]);
            } else if (what === "delete") {
              for (const token of tokens) removed.add(token);
              await act([{ type: "delete_cell", cell: cell.id }]);
            } else if (what === "split") {
              structural = true;
              await act([{ type: "split_cell", cell: cell.id, at, newCell: `s${(made += 1)}` as CellId }]);
            } else if (what === "merge" && other) {
              structural = true;
              await act([{ type: "merge_cells", cell: cell.id, other: other.id }]);
            } else if (what === "run") {
              await act([{ type: "set_run", cell: cell.id, run: newRun(`r${(made += 1)}`, "out") }]);
            } else if (what === "undo") {
              const last = peer.undo.pop();
              // Undoing an insertion removes what is in the cell by now; undoing own typing only that.
              for (const operation of last?.operations ?? []) {
                if (operation.type !== "delete_cell" && operation.type !== "merge_cells") continue;
                const doomed = peer.client.notebook.cells.find(
                  (item) => item.id === (operation.type === "delete_cell" ? operation.cell : operation.other),
                );
                if (operation.type === "delete_cell")
                  for (const token of doomed?.source.match(TOKEN) ?? []) removed.add(token);
              }
              for (const token of last?.tokens ?? []) removed.add(token);
              if (last) await peer.client.change(last.operations);
            }
          }
          for (let round = 0; round < 2; round += 1) {
            for (const from of peers) for (const to of peers) if (from !== to) await deliver(from, to, 1);
          }
          const views = [];
          for (const peer of peers) {
            await peer.client.change([]);
            views.push(plain(peer.client.notebook));
          }
          for (const view of views) expect(view).toEqual(views[0]);
          const { cells } = client.notebook;
          expect(new Set(cells.map((cell) => cell.id)).size).toBe(cells.length);
          const all = cells.map((cell) => cell.source).join("|");
          for (const token of typed) {
            const times = all.split(token).length - 1;
            if (!removed.has(token) && times === 0) expect.fail(`${token} is lost: ${all}`);
            if (!structural && times > 1) expect.fail(`${token} is there ${times} times: ${all}`);
          }
          await Promise.all(peers.map((peer) => peer.host.close()));
        },
      ),
      { numRuns: Number(process.env["KROMA_RUNS"] ?? 10) },
    );
  });
});
