/**
 * Two editors of @codemirror/collab on two pages, and a peer behind them, type into the same cell at the same time. Who
 * is heard when is decided by the seed. In the end all see what the document has, and undo took back own typing only.
 */
import { collab, getSyncedVersion, receiveUpdates, sendableUpdates } from "@codemirror/collab";
import { history, undo } from "@codemirror/commands";
import { ChangeSet, EditorState, type TransactionSpec } from "@codemirror/state";
import type { NotebookClient } from "#core/notebook/client.ts";
import type { TextUpdate } from "#core/notebook/messages.ts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BreakableStore, cellId, connect, newCell, openWith, sources, startHost } from "./kit.ts";

const A = cellId("a");

/** An editor without a screen, wired as the app wires one: what it hears waits until the seed lets it be heard. */
class Editor {
  state: EditorState;
  readonly #client: NotebookClient;
  #heard: TextUpdate[] = [];
  #sending: Promise<void> | undefined;

  constructor(client: NotebookClient, name: string) {
    const { text, version } = client.confirmedText(A) as { text: string; version: number };
    this.#client = client;
    this.state = EditorState.create({
      doc: text,
      extensions: [
        collab({ startVersion: version, clientID: name }),
        history({ newGroupDelay: 0 }),
        EditorState.lineSeparator.of("\n"),
      ],
    });
    client.onText(A, (_version, updates) => this.#heard.push(...updates));
  }

  get text(): string {
    return this.state.doc.toString();
  }

  type(spec: TransactionSpec): void {
    this.state = this.state.update({ ...spec, userEvent: "input.type" }).state;
  }

  undo(): void {
    undo({ state: this.state, dispatch: (transaction) => (this.state = transaction.state) });
  }

  hear(count = this.#heard.length): void {
    const updates = this.#heard.splice(0, count);
    if (updates.length === 0) return;
    this.state = receiveUpdates(
      this.state,
      updates.map(({ client, changes }) => ({ clientID: client, changes: ChangeSet.fromJSON(changes) })),
    ).state;
  }

  send(): void {
    const updates = sendableUpdates(this.state);
    if (updates.length === 0 || this.#sending) return;
    const sent = updates.map(({ clientID, changes }) => ({
      client: clientID,
      changes: changes.toJSON() as TextUpdate["changes"],
    }));
    this.#sending = this.#client
      .edit(A, getSyncedVersion(this.state), sent, () => this.text)
      .then(() => undefined)
      .finally(() => (this.#sending = undefined));
  }

  async settle(): Promise<void> {
    for (;;) {
      await this.#sending;
      this.hear();
      if (sendableUpdates(this.state).length === 0) return;
      this.send();
    }
  }
}

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("type"),
      who: fc.nat(2),
      at: fc.nat(1000),
      remove: fc.nat(3),
      insert: fc.string({ unit: fc.constantFrom("x", "\n", "é", "😀"), maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("undo"), who: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("send"), who: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("hear"), who: fc.nat(1), count: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("pass"), who: fc.nat(1) }) },
);
type Step = { do: string; who: number; at?: number; remove?: number; insert?: string; count?: number };

async function peerOf(store: BreakableStore): Promise<BreakableStore> {
  const copy = new BreakableStore();
  await copy.write({ put: await store.loadRange([]) });
  return copy;
}

describe("typing together", () => {
  it("ends with the same text in both editors, both views, the document and the peer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { host, library, store } = startHost();
        const client = await openWith(library, [newCell("a", "def f():\n  return '😀'\n")]);
        const other = await connect(host).open(client.document);
        await library.flush();
        const peer = startHost({ store: await peerOf(store) });
        const remote = await peer.library.open(client.document);
        const editors = [new Editor(client, "left"), new Editor(other, "right")] as const;
        const exchange = async (): Promise<void> => {
          const [mine, theirs] = [await host.heads(client.document), await peer.host.heads(client.document)];
          await host.applyChanges(client.document, await peer.host.changesSince(client.document, mine));
          await peer.host.applyChanges(client.document, await host.changesSince(client.document, theirs));
        };
        for (const { do: what, who, at = 0, remove = 0, insert = "", count = 0 } of steps as Step[]) {
          const editor = editors[who];
          if (what === "type" && editor) {
            const { length } = editor.state.doc;
            const from = at % (length + 1);
            editor.type({ changes: { from, to: Math.min(from + remove, length), insert } });
          } else if (what === "type") {
            await remote.change([{ type: "splice_text", cell: A, at: at % 30, remove, insert }]);
          } else if (what === "undo") editor?.undo();
          else if (what === "send" && editor) editor.send();
          else if (what === "send") await exchange();
          else if (what === "hear") editor?.hear(count);
          else await client.change([]);
        }
        for (let round = 0; round < 4; round += 1) {
          for (const editor of editors) await editor.settle();
          await exchange();
          await client.change([]);
          await other.change([]);
          for (const editor of editors) editor.hear();
        }
        await remote.change([]);
        const [text] = sources(remote);
        expect(text?.isWellFormed()).toBe(true);
        expect(editors.map((editor) => editor.text)).toEqual([text, text]);
        expect([sources(client), sources(other)]).toEqual([[text], [text]]);
        const fresh = await connect(host).open(client.document);
        expect(fresh.notebook.cells[0]).toMatchObject({
          source: text,
          textVersion: client.notebook.cells[0]?.textVersion,
        });
        await Promise.all([host.close(), peer.host.close()]);
      }),
      { numRuns: Number(process.env["KROMA_RUNS"] ?? 25) },
    );
  });

  it("undoes one's own typing only", async () => {
    const { host, library } = startHost();
    const client = await openWith(library, [newCell("a", "")]);
    const other = await connect(host).open(client.document);
    const [mine, theirs] = [new Editor(client, "me"), new Editor(other, "they")];
    mine.type({ changes: { from: 0, insert: "mine" } });
    await mine.settle();
    await theirs.settle();
    theirs.type({ changes: { from: 0, insert: "theirs " } });
    await theirs.settle();
    await mine.settle();
    expect(mine.text).toBe("theirs mine");
    mine.undo();
    await mine.settle();
    await theirs.settle();
    expect([mine.text, theirs.text, ...sources(client)]).toEqual(["theirs ", "theirs ", "theirs "]);
    await host.close();
  });
});
