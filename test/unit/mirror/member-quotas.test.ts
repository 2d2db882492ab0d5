/** What members cost a mirror: by each and in all, by the day, over restarts (core/mesh/SPEC.md, S21). */
import { expect, it } from "vitest";
import type { DocumentId } from "#core/base/ids.ts";
import { realClock } from "#core/mesh/clock.ts";
import type { MemberId } from "#core/mesh/identity.ts";
import { MemoryDocStore } from "#core/store/memory.ts";
import { MemberQuotas, type MirrorLimits } from "../../../app/node/mirror/member-quotas.ts";
import { readQuotas } from "../../../app/node/mirror/quota-options.ts";
import { sizeWords } from "../../../app/node/mirror/sizes.ts";

const [ana, ben, cleo] = ["ana" as MemberId, "ben" as MemberId, "cleo" as MemberId];
const notebook = (id: string) => id as DocumentId;
const DAY = 24 * 60 * 60 * 1000;
const limits: MirrorLimits = {
  member: { stored: 10_000, received: 20_000, notebooks: 2, relayed: 5000 },
  all: { stored: 15_000, received: 50_000, notebooks: 3, relayed: 8000 },
};

async function open(store = new MemoryDocStore()) {
  let now = 5 * DAY;
  const lines: string[] = [];
  const kept: { document: DocumentId; creator: MemberId | undefined }[] = [];
  const quotas = await MemberQuotas.load({
    limits,
    store,
    clock: { now: () => now, after: realClock.after },
    notebooks: () => kept,
    log: (line) => lines.push(line),
  });
  return { quotas, store, lines, kept, pass: (time: number) => (now += time) };
}

it("refuses who is over, and nobody else, until it is more than all may", async () => {
  const { quotas, lines } = await open();
  quotas.brought(ana, notebook("a"), 6000);
  expect(quotas.refusal(ana)).toBeUndefined();
  quotas.brought(ana, notebook("b"), 4000);
  expect(quotas.refusal(ana)).toContain("10 kB of what you bring");
  expect(quotas.refusal(ben)).toBeUndefined();
  quotas.brought(ben, notebook("a"), 5000);
  expect(quotas.refusal(ben)).toContain("is full");
  expect(quotas.refusal(cleo)).toContain("is full");
  expect(lines).toEqual(["ana is over its quota", "ben is over its quota", "cleo is over its quota"]);
  await quotas.flush();
});

it("begins anew each day with what comes and what is passed on, and not with what is kept", async () => {
  const { quotas, lines, pass } = await open();
  quotas.received(ana, 20_000);
  quotas.brought(ben, notebook("a"), 10_000);
  quotas.relayed("a peer", 5000);
  expect([quotas.refusal(ana), quotas.refusal(ben)]).toEqual([
    expect.stringContaining("20 kB of you in a day"),
    expect.stringContaining("10 kB of what you bring"),
  ]);
  expect([quotas.mayRelay("a peer"), quotas.mayRelay(ana)]).toEqual([false, true]);
  quotas.relayed(ana, 3000);
  expect(quotas.mayRelay(ben)).toBe(false);
  quotas.received(ana, 60_001);
  expect(quotas.ban(ana)).toContain("tomorrow");
  expect(quotas.ban(ben)).toBeUndefined();
  pass(DAY);
  expect([quotas.refusal(ana), quotas.ban(ana)]).toEqual([undefined, undefined]);
  expect(quotas.refusal(ben)).toContain("10 kB");
  expect([quotas.mayRelay("a peer"), quotas.mayRelay(ben)]).toEqual([true, true]);
  expect(lines.at(-1)).toBe("ana is within its quota again");
  await quotas.flush();
});

it("counts on after a restart, and anew what can't be read", async () => {
  const first = await open();
  first.quotas.brought(ana, notebook("a"), 10_000);
  first.quotas.received(ana, 12_000);
  first.quotas.relayed("a stranger", 10);
  await first.quotas.flush();
  const again = await open(first.store);
  expect(again.quotas.members).toEqual([{ member: "ana", stored: 10_000, received: 12_000, relayed: 0, isOver: true }]);
  again.quotas.brought(ben, notebook("a"), 5000);
  expect(again.quotas.refusal(ben)).toContain("is full");
  await again.quotas.flush();
  await first.store.write({ put: [[["quota", "ana"], new TextEncoder().encode('{"stored":{"a":-1}}')]] });
  const { quotas } = await open(first.store);
  expect([quotas.refusal(ana), quotas.refusal(ben)]).toEqual([undefined, undefined]);
});

it("keeps so many notebooks of who made them, and of all", async () => {
  const { quotas, kept } = await open();
  const made = (id: string, creator: MemberId) => kept.push({ document: notebook(id), creator });
  made("a", ana);
  // This one is among them while its members come.
  kept.push({ document: notebook("b"), creator: undefined });
  expect(quotas.refusalOfNotebook(notebook("b"), ana)).toBeUndefined();
  made("c", ana);
  expect(quotas.refusalOfNotebook(notebook("b"), ana)).toContain("as many notebooks");
  expect(quotas.refusalOfNotebook(notebook("b"), ben)).toBeUndefined();
  made("d", cleo);
  expect(quotas.refusalOfNotebook(notebook("b"), ben)).toContain("as many notebooks");
});

it("takes its limits from options, and refuses what is no size", () => {
  const { member, all } = readQuotas({ "member-storage": "500MB", traffic: "1.5 TB", notebooks: "7" });
  expect([member.stored, all.received, all.notebooks, all.stored]).toEqual([500e6, 1.5e12, 7, 20e9]);
  expect(() => readQuotas({ storage: "much" })).toThrow('--storage takes a size like 10GB, not "much"');
  expect(() => readQuotas({ "member-notebooks": "-1" })).toThrow("--member-notebooks takes a number");
  expect([0, 999, 20_000, 1.5e9, 2e12].map(sizeWords)).toEqual(["0 bytes", "999 bytes", "20 kB", "1.5 GB", "2 TB"]);
});
