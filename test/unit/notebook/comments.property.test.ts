/**
 * Two people comment, type, split, merge and delete, cut off from each other for a while. In the end both have the same
 * threads in the same places, no comment is lost, and each is where its words are, as long as these are anywhere.
 */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { DocumentId } from "#core/base/ids.ts";
import type { NotebookClient } from "#core/notebook/client.ts";
import { newCommentId } from "#core/notebook/comments.ts";
import type { DocumentHost } from "#core/notebook/host.ts";
import { PARTS } from "#core/notebook/parts.ts";
import { BreakableStore, cellId, newCell, openWith, startHost } from "./kit.ts";

const WORDS = ["comment", "comment", "reply", "resolve", "type", "type", "cut", "split", "merge", "delete", "exchange"];
const step = fc.record({
  who: fc.nat(1),
  what: fc.constantFrom(...WORDS),
  a: fc.nat(1000),
  b: fc.nat(1000),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const TOKEN = /«\d+»/g;

it("converge, with every comment where its words are", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50 }), async (steps) => {
      const one = startHost();
      const mine = await openWith(one.library, [newCell("a", "«0» one"), newCell("b", "«1» two")]);
      await one.library.flush();
      const store = new BreakableStore();
      await store.write({ put: await one.store.loadRange([]) });
      const other = startHost({ store });
      const clients = [mine, await other.library.open(mine.document)];
      const hosts = [one.host, other.host];
      for (const client of clients) await client.comments.load();
      const made = { tokens: 2, comments: 0, harmed: new Set<string>() };
      for (const next of steps) {
        if (next.what === "exchange") await exchange(hosts, mine.document);
        else await act(clients[next.who] as NotebookClient, next, made);
      }
      await exchange(hosts, mine.document);
      // Told once more than there are changes: what was found last is what holds.
      for (const host of hosts) await host.flush();
      await Promise.all(clients.map((client) => settled(client)));
      const [left, right] = clients.map((client) => shown(client));
      expect(left).toEqual(right);
      expect(left?.length).toBe(made.comments);
      for (const client of clients) checkPlaces(client, made.harmed);
      for (const host of hosts) await host.close();
    }),
    { numRuns: 25 },
  );
}, 120_000);

interface Made {
  tokens: number;
  comments: number;
  /** Tokens of which somebody cut a part: a comment may stay with the rest while another cell has the whole. */
  readonly harmed: Set<string>;
}

async function act(client: NotebookClient, { what, a, b }: Step, made: Made) {
  const { cells } = client.notebook;
  const cell = cells[a % cells.length];
  const threads = client.comments.threads.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  const thread = threads[a % threads.length]?.id;
  if (what === "reply" && thread !== undefined) {
    const reply = newCommentId();
    await client.comments.perform({ type: "add_reply", thread, reply, text: "and?", author: "me" });
  } else if (what === "resolve" && thread !== undefined) {
    await client.comments.perform({ type: "resolve_thread", thread, resolved: b % 2 === 0, author: "me" });
  }
  if (!cell) return;
  const { id, source, textVersion: version } = cell;
  switch (what) {
    case "comment": {
      const found = [...source.matchAll(TOKEN)][0];
      if (!found) return;
      const range = { from: found.index, to: found.index + found[0].length, version };
      const add = { type: "add_thread", thread: newCommentId(), cell: id, text: "?", author: "me" } as const;
      await client.comments.perform({ ...add, range });
      made.comments += 1;
      return;
    }
    case "type": {
      const token = `«${made.tokens++}»`;
      await client.change([{ type: "splice_text", cell: id, at: between(source, b), remove: 0, insert: `${token}\n` }]);
      return;
    }
    case "cut": {
      const at = b % (source.length + 1);
      // Also when its rest and a neighbour's happen to read like it.
      for (const { index, 0: token } of source.matchAll(TOKEN))
        if (index < at + 3 && at < index + token.length) made.harmed.add(token);
      await client.change([{ type: "splice_text", cell: id, at, remove: Math.min(3, source.length - at), insert: "" }]);
      return;
    }
    case "split":
      await client.change([
        { type: "split_cell", cell: id, at: between(source, b), newCell: cellId(`s${made.tokens++}x${a}`) },
      ]);
      return;
    case "merge": {
      const after = cells[cells.indexOf(cell) + 1];
      if (after) await client.change([{ type: "merge_cells", cell: id, other: after.id }]);
      return;
    }
    case "delete":
      if (cells.length > 1) await client.change([{ type: "delete_cell", cell: id }]);
      return;
    default:
  }
}

/** A place in no token. */
function between(source: string, seed: number): number {
  const at = seed % (source.length + 1);
  const inside = [...source.matchAll(TOKEN)].find(({ index, 0: token }) => index < at && at < index + token.length);
  return inside?.index ?? at;
}

/** Both parts, until neither has anything to say. */
async function exchange(hosts: readonly DocumentHost[], document: DocumentId): Promise<void> {
  const replicas = await Promise.all(hosts.map((host) => host.hold(document)));
  for (const part of PARTS) {
    const [left, right] = replicas.map((replica) => replica?.sync(part, true, "someone"));
    if (!left || !right) throw new Error("no replica");
    for (let isDone = false; !isDone;) {
      isDone = true;
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const) {
        const message = await from.next();
        if (message) {
          isDone = false;
          await to.take(message);
        }
      }
    }
  }
  for (const replica of replicas) replica?.release();
}

/** Resolves when the places are those of the present text. */
async function settled(client: NotebookClient): Promise<void> {
  const isCurrent = (): boolean =>
    client.comments.threads.every(({ place }) => {
      if (!place) return true;
      return !place.range || client.confirmedText(place.cell)?.version === place.range.version;
    });
  // One operation on the comments makes them find every place anew.
  const [thread] = client.comments.threads;
  if (thread) {
    const resolve = { type: "resolve_thread", thread: thread.id, resolved: true, author: "me" } as const;
    await client.comments.perform(resolve);
  }
  expect(isCurrent()).toBe(true);
}

/** The threads without what each machine counts for itself. */
function shown(client: NotebookClient): readonly unknown[] {
  return client.comments.threads
    .map(({ id, quote, comment, replies, place }) => ({
      id,
      quote,
      comment: comment.text,
      replies: replies.map((reply) => reply.id),
      place: place && { cell: place.cell, from: place.range?.from, to: place.range?.to },
    }))
    .sort((left, right) => (left.id < right.id ? -1 : 1));
}

function checkPlaces(client: NotebookClient, harmed: ReadonlySet<string>): void {
  const sources = client.notebook.cells.map(({ source }) => source);
  for (const { quote, place } of client.comments.threads) {
    if (harmed.has(quote)) continue;
    if (sources.filter((source) => source.includes(quote)).length !== 1) continue;
    const text = place?.range && client.confirmedText(place.cell)?.text.slice(place.range.from, place.range.to);
    expect(text).toBe(quote);
  }
}
