/** Notebooks that several people have, over links in one process, with real keys: SPEC.md, chapter "Sync". */
import { afterEach, describe, expect, it } from "vitest";
import type { NotebookClient } from "#core/notebook/client.ts";
import { storeRunBody } from "#core/notebook/run-body.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { cellId, newCell, newRun, openWith, sources } from "../notebook/kit.ts";
import { letIn, link, person, until, type Person } from "./people.ts";

const people: Person[] = [];
afterEach(async () => {
  for (const someone of people.splice(0)) await someone.close();
});
const meet = async (name: string, ...rest: Parameters<typeof person> extends [string, ...infer R] ? R : never) => {
  const someone = await person(name, ...rest);
  people.push(someone);
  return someone;
};
const A = cellId("a");
const typing = (at: number, length: number, insert: string) => [
  { client: "me", changes: [...(at ? [at] : []), [0, insert] as const, ...(length > at ? [length - at] : [])] },
];
/** Types at the beginning of cell A. */
const type = (client: NotebookClient, insert: string): Promise<boolean> => {
  const cell = client.notebook.cells.find(({ id }) => id === A);
  const source = cell?.source ?? "";
  return client.edit(A, cell?.textVersion ?? 0, typing(0, source.length, insert), () => insert + source);
};
const same = (one: NotebookClient, other: NotebookClient) => sources(one).join() === sources(other).join();

async function two(role: "editor" | "reader" = "editor") {
  const ana = await meet("Ana");
  const ben = await meet("Ben");
  const mine = await openWith(ana.library, [newCell("a", "x = 1"), newCell("b", "y = 2")]);
  await ana.mesh.share(mine.document, "Ana");
  const line = link(ana, ben);
  const theirs = await letIn(ana, ben, mine.document, role);
  return { ana, ben, mine, theirs, line, document: mine.document };
}

describe("two people", () => {
  it("have the same notebook after one was let in, and each other's typing (S4, S6, S11)", async () => {
    const { mine, theirs, ben } = await two();
    expect(sources(theirs)).toEqual(["x = 1", "y = 2"]);
    expect(theirs.entry.foreign).toBe(true);
    await type(mine, "# Ana\n");
    await until(() => same(mine, theirs), "Ben sees what Ana typed");
    await type(theirs, "# Ben\n");
    await until(() => same(mine, theirs) && (sources(mine)[0] ?? "").includes("Ben"), "Ana sees what Ben typed");
    expect(ben.mesh.notebook(mine.document)?.membership?.members.map(({ name, role }) => [name, role])).toEqual([
      ["Ana", "owner"],
      ["Ben", "editor"],
    ]);
  });

  it("merge what each did alone, also after a restart from the disk (S6)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    line.cut();
    await until(() => ben.mesh.peers.length === 0, "the link has ended");
    await type(mine, "# Ana, alone\n");
    await type(theirs, "# Ben, alone\n");
    await theirs.change([{ type: "insert_cell", cell: newCell("c", "z = 3"), after: cellId("b") }]);
    await ben.close();
    people.splice(people.indexOf(ben), 1);
    const again = await meet("Ben", { store: ben.store, signer: ben.signer });
    const reopened = await again.library.open(document);
    link(ana, again);
    await until(() => same(mine, reopened) && sources(mine).length === 3, "both have all of it");
    expect(sources(mine)[0]).toContain("Ana, alone");
    expect(sources(mine)[0]).toContain("Ben, alone");
    expect(new Set(mine.notebook.cells.map(({ id }) => id)).size).toBe(3);
  });

  it("have everything by one message, whatever its history (S6)", async () => {
    const ana = await meet("Ana");
    const ben = await meet("Ben");
    const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
    for (let key = 0; key < 500; key += 1) {
      await type(mine, "#");
      // Each a change of its own, as a person's are.
      await ana.host.heads(mine.document);
    }
    await ana.mesh.share(mine.document, "Ana");
    const heard: number[] = [];
    const said: number[] = [];
    link(ana, ben, (end) => ({
      ...end,
      channel: {
        send: (message, transfer) => {
          if (message[0] === 1) said.push(message.length);
          end.channel.send(message, transfer);
        },
        receive: (listener) =>
          end.channel.receive((message) => {
            if (message[0] === 1) heard.push(message.length);
            listener(message);
          }),
        close: (reason) => end.channel.close(reason),
        onClose: (listener) => end.channel.onClose(listener),
      },
    }));
    const theirs = await letIn(ana, ben, mine.document);
    const isEven = async () => (await ana.mesh.notebook(mine.document)?.isWith(ben.mesh.me)) ?? false;
    await until(isEven, "Ana knows that Ben has it", 60_000);
    expect(same(mine, theirs)).toBe(true);
    // To say which of 500 changes one has takes more than 500 bytes.
    expect(heard.filter((bytes) => bytes > 200).length).toBe(1);
    expect(Math.max(...said)).toBeLessThan(200);
  });

  it("cost few bytes a key (S1, S12)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    const isSettled = async () =>
      same(mine, theirs) &&
      ((await ana.mesh.notebook(document)?.isWith(ben.mesh.me)) ?? false) &&
      ((await ben.mesh.notebook(document)?.isWith(ana.mesh.me)) ?? false);
    await type(mine, "1");
    await until(isSettled, "the first key is there");
    const before = line.bytes();
    await type(mine, "2");
    await until(isSettled, "the key is there, and both know");
    expect(line.bytes() - before).toBeLessThanOrEqual(400);
  });
});

describe("rights", () => {
  it("let a reader have everything and take nothing of theirs (S7)", async () => {
    const { ana, mine, theirs } = await two("reader");
    await type(theirs, "# a reader was here\n");
    await type(mine, "# Ana\n");
    await until(() => (sources(theirs)[0] ?? "").includes("# Ana"), "Ben still gets what Ana does");
    expect(sources(mine)[0]).toBe("# Ana\nx = 1");
    expect(ana.mesh.peers.length).toBe(1);
  });

  it("end with a removal: nothing comes, nothing is taken (S10)", async () => {
    const { ana, ben, mine, theirs, document } = await two();
    await ana.mesh.remove(document, ben.mesh.me);
    await until(() => ben.mesh.notebook(document)?.trouble !== undefined, "Ben is told");
    expect(ben.mesh.notebook(document)?.trouble).toContain("no longer a member");
    await type(mine, "# after\n");
    await type(theirs, "# too late\n");
    link(ana, ben);
    await until(() => ana.mesh.peers.length === 2, "they are linked again");
    await ana.host.flush();
    expect(sources(mine)[0]).toBe("# after\nx = 1");
    expect(sources(theirs)[0]).toBe("# too late\nx = 1");
  });

  it("are not had by someone who only knows the document's id (S2, S4)", async () => {
    const { ana, document } = await two();
    const eve = await meet("Eve");
    const genesis = ana.mesh.notebook(document)?.genesis;
    if (!genesis) throw new Error("it is shared");
    const invitation = { document, genesis, invitation: genesis, secret: new Uint8Array(32) };
    await eve.mesh.join(invitation, "Eve");
    link(ana, eve);
    await until(() => eve.mesh.notebook(document)?.trouble !== undefined, "Eve is refused");
    expect(eve.mesh.notebook(document)?.isHere).toBe(false);
    expect(ana.mesh.notebook(document)?.membership?.members.map(({ name }) => name)).toEqual(["Ana", "Ben"]);
  });
});

describe("a third one", () => {
  it("gets from whoever is there what others did, and passes it on (S4)", async () => {
    const { ana, ben, mine, theirs, document, line } = await two();
    const cleo = await meet("Cleo");
    link(ben, cleo);
    // Ben may not invite; Ana's invitation reaches him by the link between them.
    const invitation = await ana.mesh.invite(document, { role: "editor", uses: "one", expires: Date.now() + 60_000 });
    await until(() => ben.mesh.notebook(document)?.membership?.has(invitation.invitation) ?? false, "Ben knows of it");
    line.cut();
    await cleo.mesh.join(invitation, "Cleo");
    await until(() => cleo.mesh.notebook(document)?.isHere ?? false, "Cleo is let in by Ben");
    const hers = await cleo.library.open(document);
    await type(hers, "# Cleo\n");
    await until(() => same(hers, theirs), "Ben has it");
    expect(sources(mine)[0]).toBe("x = 1");
    link(ana, ben);
    await until(() => same(hers, mine), "Ana has it from Ben");
    expect(ana.mesh.notebook(document)?.membership?.members.map(({ name }) => name)).toEqual(["Ana", "Ben", "Cleo"]);
  });
});

describe("a link that comes back", () => {
  it("looks only for what is new, however long the history is (S6)", async () => {
    const { ana, ben, mine, theirs, line, document } = await two();
    for (let key = 0; key < 600; key += 1) {
      await type(mine, "#");
      // Each a change of its own.
      await ana.host.heads(document);
    }
    await until(async () => (await ana.mesh.notebook(document)?.isWith(ben.mesh.me)) ?? false, "Ben has all");
    line.cut();
    await until(() => ana.mesh.peers.length === 0 && ben.mesh.peers.length === 0, "they are apart");
    await type(theirs, "# Ben\n");
    let synced = 0;
    link(ana, ben, (one) => ({
      ...one,
      channel: {
        send: (message, transfer) => {
          if (message[0] === 1) synced += message.length;
          one.channel.send(message, transfer);
        },
        receive: (listener) => one.channel.receive(listener),
        close: (reason) => one.channel.close(reason),
        onClose: (listener) => one.channel.onClose(listener),
      },
    }));
    await until(
      () => same(mine, theirs) && theirs.notebook.cells[0]?.source.startsWith("# Ben") === true,
      "Ana has it",
    );
    await until(async () => (await ben.mesh.notebook(document)?.isWith(ana.mesh.me)) ?? false, "Ana has said so");
    expect(synced).toBeGreaterThan(0);
    // To describe each change takes ten bits, and a change of one's own is some 150 bytes.
    expect(synced).toBeLessThan(700);
  });
});

describe("two who came in by different people", () => {
  it("find each other when those people are gone (S4)", async () => {
    const { ana, ben, mine, theirs, document, line } = await two();
    const invitation = await ana.mesh.invite(document, { role: "editor", uses: "one", expires: Date.now() + 60_000 });
    await until(() => ben.mesh.notebook(document)?.membership?.has(invitation.invitation) ?? false, "Ben knows of it");
    line.cut();
    const cleo = await meet("Cleo");
    link(ben, cleo);
    await cleo.mesh.join(invitation, "Cleo");
    await until(() => cleo.mesh.notebook(document)?.isHere ?? false, "Cleo is let in by Ben");
    const hers = await cleo.library.open(document);
    await type(theirs, "# Ben's last words\n");
    await until(() => same(hers, theirs), "Cleo has them");
    await ben.close();
    people.splice(people.indexOf(ben), 1);
    link(ana, cleo);
    await until(() => same(hers, mine), "Ana has them from Cleo, whom she did not know");
  });
});

describe("big outputs", () => {
  const big = (mark: string) => newRun(`run-${mark}`, `${mark} `.repeat(60_000));
  const shown = (client: NotebookClient) => client.notebook.cells.find(({ id }) => id === A)?.run;

  it("come from whoever has them, also when the one who ran the cell is gone (S15, S16)", async () => {
    const { ana, ben, mine, theirs, document, line } = await two();
    await mine.change([{ type: "set_run", cell: A, run: big("one") }]);
    await until(() => (shown(theirs)?.outputs.length ?? 0) > 0, "Ben has Ana's outputs");
    expect(shown(theirs)).toEqual(shown(mine));
    const cleo = await meet("Cleo");
    const invitation = await ana.mesh.invite(document, { role: "reader", uses: "one", expires: Date.now() + 60_000 });
    await until(() => ben.mesh.notebook(document)?.membership?.has(invitation.invitation) ?? false, "Ben knows of it");
    line.cut();
    await until(() => ben.mesh.peers.length === 0, "Ana is gone");
    link(ben, cleo);
    await cleo.mesh.join(invitation, "Cleo");
    await until(() => cleo.mesh.notebook(document)?.isHere ?? false, "Cleo has the notebook");
    const hers = await cleo.library.open(document);
    await until(() => (shown(hers)?.outputs.length ?? 0) > 0, "Cleo has the outputs");
    expect(shown(hers)).toEqual(shown(mine));
  });

  it("are told as missing while nobody who is there has them, and asked for again when one comes (S15)", async () => {
    const { ana, ben, mine, theirs, line } = await two();
    line.cut();
    await until(() => ben.mesh.peers.length === 0, "the link has ended");
    await mine.change([{ type: "set_run", cell: A, run: big("two") }]);
    const body = await storeRunBody(big("two"), new MemoryBlockStore());
    if (!("cid" in body)) throw new Error("it is big enough for a block");
    const bytes = await ana.blocks.get(body.cid);
    await ana.blocks.remove(body.cid);
    const second = link(ana, ben);
    await until(() => shown(theirs) !== undefined, "Ben has the run");
    expect(shown(theirs)).toMatchObject({ missing: body.cid, outputs: [] });
    await until(() => ana.mesh.peers.length > 0, "they are linked");
    second.cut();
    await until(() => ben.mesh.peers.length === 0, "the link has ended again");
    await ana.blocks.put(bytes ?? new Uint8Array());
    link(ana, ben);
    await until(() => (shown(theirs)?.outputs.length ?? 0) > 0, "Ben has the outputs");
    expect(shown(theirs)).toEqual(shown(mine));
  });
});

describe("presence", () => {
  it("is told while it lasts, also to those who come later, and is gone with its link (S13)", async () => {
    const { ana, ben, document, line } = await two();
    ben.mesh.setPresence(document, { cell: A, anchor: 1, head: 2 });
    const seen = () => ana.mesh.notebook(document)?.presences.others ?? [];
    await until(() => seen().length === 1, "Ana sees Ben");
    expect(seen()).toEqual([[ben.mesh.me, { cell: A, anchor: 1, head: 2 }]]);
    line.cut();
    await until(() => seen().length === 0, "Ben is gone");
    link(ana, ben);
    await until(() => seen().length === 1, "Ben is back");
    ben.mesh.setPresence(document, undefined);
    await until(() => seen().length === 0, "Ben has closed the notebook");
  });
});
