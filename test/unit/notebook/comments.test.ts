/** Comments: what may be written, whose they are, how they hold on to their text, and what hostile documents come to. */
import * as Automerge from "@automerge/automerge";
import { describe, expect, it } from "vitest";
import type { NotebookClient } from "#core/notebook/client.ts";
import {
  blankComments,
  readThread,
  threadIds,
  withinLimits,
  type CommentsDocument,
} from "#core/notebook/comments-document.ts";
import { MOST_COMMENT_LENGTH, newCommentId, type CommentThread } from "#core/notebook/comments.ts";
import { until } from "../mesh/people.ts";
import { cellId, connect, newCell, openWith, startHost } from "./kit.ts";

const A = cellId("a");
const readComments = (document: CommentsDocument) =>
  withinLimits(threadIds(document).flatMap((id) => readThread(document, id) ?? []));
const B = cellId("b");

async function open(source = "total = price * count") {
  const { host, library, store } = startHost();
  const client = await openWith(library, [newCell("a", source), newCell("b", "print(total)")]);
  await client.comments.load();
  return { host, client, store, library };
}

/** Comments on the first occurrence of `quote` in a cell, or on the cell. */
async function comment(client: NotebookClient, cell = A, quote?: string, author = "me", text = "Why?") {
  const { text: source = "", version = 0 } = client.confirmedText(cell) ?? {};
  const from = quote === undefined ? -1 : source.indexOf(quote);
  const thread = newCommentId();
  await client.comments.perform({
    type: "add_thread",
    thread,
    cell,
    text,
    author,
    ...(quote === undefined ? {} : { range: { from, to: from + quote.length, version } }),
  });
  return thread;
}

const only = (client: NotebookClient): CommentThread => {
  const [thread, ...rest] = client.comments.threads;
  if (!thread || rest.length > 0) throw new Error(`${rest.length + (thread ? 1 : 0)} threads`);
  return thread;
};

/** The text that a thread is about now; undefined when it is about none. */
function about(client: NotebookClient, thread: CommentThread): string | undefined {
  const { place } = thread;
  if (!place?.range) return undefined;
  const confirmed = client.confirmedText(place.cell);
  return confirmed?.version === place.range.version
    ? confirmed.text.slice(place.range.from, place.range.to)
    : `at version ${place.range.version}, not ${confirmed?.version}`;
}

const splice = (client: NotebookClient, cell: typeof A, at: number, remove: number, insert: string) =>
  client.change([{ type: "splice_text", cell, at, remove, insert }]);

describe("a comment", () => {
  it("is written, answered, changed, resolved, opened again and deleted", async () => {
    const { client } = await open();
    const thread = await comment(client, A, "price", "ana", "  Which price?\r\nNet? ");
    expect(only(client)).toMatchObject({ id: thread, quote: "price", resolved: undefined, replies: [] });
    expect(only(client).comment).toMatchObject({ author: "ana", text: "Which price?\nNet?", edited: undefined });
    const reply = newCommentId();
    await client.comments.perform({ type: "add_reply", thread, reply, text: "Net.", author: "ben" });
    await client.comments.perform({ type: "edit_comment", thread, reply, text: "Gross.", author: "ben" });
    await client.comments.perform({ type: "resolve_thread", thread, resolved: true, author: "ben" });
    expect(only(client).replies.map(({ author, text }) => [author, text])).toEqual([["ben", "Gross."]]);
    expect(only(client).replies[0]?.edited).toBeTypeOf("number");
    expect(only(client).resolved?.by).toBe("ben");
    await client.comments.perform({ type: "resolve_thread", thread, resolved: false, author: "ana" });
    expect(only(client).resolved).toBeUndefined();
    await client.comments.perform({ type: "delete_comment", thread, author: "ana" });
    expect(only(client).comment).toMatchObject({ isDeleted: true, text: "" });
    await client.comments.perform({ type: "delete_comment", thread, reply, author: "ben" });
    expect(client.comments.threads).toEqual([]);
  });

  it("is there after everything was closed, and costs nothing while there is none", async () => {
    const { client, host, store } = await open();
    await host.flush();
    expect(await store.loadRange(["comments"])).toEqual([]);
    await comment(client, A, "count");
    await host.close();
    const again = startHost({ store });
    const reopened = await again.library.open(client.document);
    await reopened.comments.load();
    expect(about(reopened, only(reopened))).toBe("count");
    await reopened.comments.perform({ type: "resolve_thread", thread: only(reopened).id, resolved: true, author: "" });
    await again.host.close();
    const third = startHost({ store });
    const last = await third.library.open(client.document);
    await last.comments.load();
    expect(only(last).resolved).toBeDefined();
  });

  it("is seen at once by another page that has the notebook open", async () => {
    const { host, client } = await open();
    const other = await connect(host).open(client.document);
    await other.comments.load();
    await comment(client, B);
    await until(() => other.comments.threads.length === 1, "the other page has it");
    expect(other.comments.threads).toEqual(client.comments.threads);
  });

  it("is refused in words where it may not be", async () => {
    const { client } = await open();
    const thread = await comment(client, A, undefined, "ana");
    const perform = client.comments.perform.bind(client.comments);
    await expect(comment(client, A, undefined, "ana", " \n ")).rejects.toMatchObject({ code: "invalid" });
    await expect(comment(client, A, undefined, "ana", "x".repeat(MOST_COMMENT_LENGTH + 1))).rejects.toMatchObject({
      code: "exhausted",
    });
    await expect(comment(client, cellId("nowhere"))).rejects.toMatchObject({ code: "missing" });
    await expect(perform({ type: "edit_comment", thread, text: "Mine now", author: "ben" })).rejects.toMatchObject({
      code: "denied",
    });
    await expect(perform({ type: "delete_comment", thread, author: "ben" })).rejects.toMatchObject({ code: "denied" });
    const gone = { type: "resolve_thread", thread: newCommentId(), resolved: true, author: "ana" } as const;
    await expect(perform(gone)).rejects.toMatchObject({ code: "missing" });
    await expect(perform({ ...gone, thread: "__proto__" })).rejects.toMatchObject({ code: "missing" });
    await expect(
      perform({ type: "add_reply", thread, reply: thread.toUpperCase(), text: "x", author: "ben" }),
    ).rejects.toMatchObject({ code: "invalid" });
    expect(only(client).comment).toMatchObject({ text: "Why?", isDeleted: false });
  });
});

describe("the place of a comment", () => {
  const placed = async (client: NotebookClient, text: string | undefined) => {
    await until(() => about(client, only(client)) === text, `the comment is about ${text}`);
    return only(client).place;
  };

  it("follows its text through what is written before, in and after it", async () => {
    const { client } = await open();
    await comment(client, A, "price");
    await splice(client, A, 0, 0, "# sum\n");
    await placed(client, "price");
    await splice(client, A, 6 + "total = pri".length, 0, "--");
    await placed(client, "pri--ce");
    await splice(client, A, 6 + "total = pri--ce".length, 0, "s");
    await placed(client, "pri--ce");
    expect(only(client).quote).toBe("price");
  });

  it("keeps what is left of its text, and goes to the cell when nothing is", async () => {
    const { client } = await open();
    await comment(client, A, "price");
    await splice(client, A, "total = ".length, 2, "");
    await placed(client, "ice");
    await splice(client, A, "total = ".length, 3, "");
    expect(await placed(client, undefined)).toEqual({ cell: A });
    await splice(client, A, 0, 0, "price = 3\n");
    await placed(client, "price");
  });

  it("is not the neighbour of a text that is gone from the start of its cell", async () => {
    const { client } = await open("price");
    await comment(client, A, "price");
    await splice(client, A, 0, 5, "");
    await splice(client, A, 0, 0, "cost");
    expect(await placed(client, undefined)).toEqual({ cell: A });
  });

  it("goes with its text where a cell is split, and merged with another", async () => {
    const { client } = await open("a = 1\nprice = 2");
    await comment(client, A, "price");
    await client.change([{ type: "split_cell", cell: A, at: 6, newCell: cellId("tail") }]);
    expect((await placed(client, "price"))?.cell).toBe("tail");
    await client.change([{ type: "merge_cells", cell: A, other: cellId("tail") }]);
    expect((await placed(client, "price"))?.cell).toBe(A);
  });

  it("is nowhere while its cell is deleted, and there again when that is undone", async () => {
    const { client } = await open();
    await comment(client, A, "price");
    const undo = await client.change([{ type: "delete_cell", cell: A }]);
    await until(() => only(client).place === undefined, "it is nowhere");
    expect(only(client).quote).toBe("price");
    await client.change(undo);
    await placed(client, "price");
  });

  it("is found in the present text when it was chosen in an older one", async () => {
    const { client } = await open();
    const { version = 0 } = client.confirmedText(A) ?? {};
    await splice(client, A, 0, 0, "first\n");
    const range = { from: 8, to: 13, version };
    const thread = newCommentId();
    await client.comments.perform({ type: "add_thread", thread, cell: A, range, text: "x", author: "" });
    await placed(client, "price");
    await expect(
      client.comments.perform({
        type: "add_thread",
        thread: newCommentId(),
        cell: A,
        range: { ...range, version: 99 },
        text: "x",
        author: "",
      }),
    ).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("the first change", () => {
  it("is the same bytes everywhere, so that those who begin apart can merge", async () => {
    expect(blankComments()).toEqual(blankComments());
    const [one, other] = [0, 1].map((n) =>
      Automerge.change(Automerge.load<{ threads: Record<string, unknown> }>(blankComments()), (draft) => {
        draft.threads[`thread00${n}`] = { author: "", time: n, text: `text ${n}`, cell: "a", quote: "", replies: {} };
      }),
    );
    const merged = Automerge.merge(one as Automerge.Doc<unknown>, other as Automerge.Doc<unknown>);
    expect(readComments(merged as CommentsDocument).map(({ comment: { text } }) => text)).toEqual(["text 0", "text 1"]);
  });
});

describe("a hostile document", () => {
  const hostile = (make: (draft: Record<string, unknown>) => void): CommentsDocument =>
    Automerge.change(Automerge.load<Record<string, unknown>>(blankComments()), make) as unknown as CommentsDocument;
  const good = { author: "ana", time: 1, text: "good", cell: "a", quote: "", replies: {} };

  it.each<[string, Record<string, unknown>]>([
    ["a thread that is a number", { hostile0: 7 }],
    ["a thread that is a list", { hostile0: [1, 2] }],
    ["a thread without anything", { hostile0: {} }],
    ["a thread in no cell", { hostile0: { ...good, cell: 5 } }],
    ["a cell's name that means something to JavaScript", { hostile0: { ...good, cell: "__proto__" } }],
    ["a name in other letters", { "../../x": good }],
    ["a text that is a map", { hostile0: { ...good, text: { x: 1 } } }],
    ["a text of nothing", { hostile0: { ...good, text: "  " } }],
  ])("is passed over: %s", (_, threads) => {
    const document = hostile((draft) => {
      draft["threads"] = { ...threads, goodgood: good };
    });
    expect(readComments(document).map(({ id }) => id)).toEqual(["goodgood"]);
  });

  it.each([[5], ["text"], [[1]], [true]])("whose threads are %j has none", (threads) => {
    expect(readComments(hostile((draft) => void (draft["threads"] = threads)))).toEqual([]);
  });

  it("is read within limits, whatever it holds", async () => {
    const document = hostile((draft) => {
      draft["threads"] = {
        hostile0: {
          author: "<b>x</b>",
          time: Number.MAX_VALUE,
          edited: "now",
          text: "x".repeat(MOST_COMMENT_LENGTH * 3),
          cell: "a",
          quote: "q".repeat(5000),
          first: "",
          last: `${"9".repeat(40)}@zz`,
          resolvedBy: 5,
          resolvedAt: -1,
          replies: Object.fromEntries(
            Array.from({ length: 300 }, (_, n) => [`reply${1000 + n}`, { ...good, time: n }]),
          ),
        },
      };
    });
    const [thread] = readComments(document);
    expect(thread?.comment).toMatchObject({ author: "unknown", time: 0, edited: 0 });
    expect(thread?.comment.text.length).toBe(MOST_COMMENT_LENGTH);
    expect(thread?.anchor).toEqual({ cell: "a", quote: "q".repeat(300), first: undefined, last: undefined });
    expect(thread?.replies.length).toBe(200);
    expect(thread?.resolved).toEqual({ by: "", time: 0 });
  });

  it("with cursors that are none places its comments by their words", async () => {
    const { host, client, store } = await open();
    await host.close();
    const document = hostile((draft) => {
      draft["threads"] = {
        hostile0: { ...good, quote: "price", first: "99@ffff", last: "-7@00" },
        hostile1: { ...good, quote: "nowhere", first: "1@00", last: "2@00" },
      };
    });
    const key = ["comments", client.document, "snapshot", "x"];
    await store.write({ put: [[key, Automerge.save(document)]] });
    const again = await startHost({ store }).library.open(client.document);
    await again.comments.load();
    const places = new Map(again.comments.threads.map(({ id, place }) => [id, place]));
    expect(places.get("hostile0")).toMatchObject({ cell: A, range: { from: 8, to: 13 } });
    expect(places.get("hostile1")).toEqual({ cell: A });
  });

  it("that can't be read leaves the notebook as it is", async () => {
    const { host, client, store } = await open();
    await host.close();
    await store.write({ put: [[["comments", client.document, "snapshot", "x"], new Uint8Array([1, 2, 3])]] });
    const again = await startHost({ store }).library.open(client.document);
    await expect(again.comments.load()).rejects.toMatchObject({ code: "corrupt" });
    expect(again.notebook.cells.length).toBe(2);
    await splice(again, A, 0, 0, "# goes on\n");
    expect(again.confirmedText(A)?.text).toContain("goes on");
  });
});
