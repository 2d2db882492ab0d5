/** One's keys go into a file and come back, and whoever has them is the same person (SPEC.md, I6). */
import { afterEach, expect, it } from "vitest";
import { BreakableStore, newCell, openWith, startHost } from "../notebook/kit.ts";
import { browser } from "./browser.ts";
import { link, person, until, type Person } from "./people.ts";

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});
const meet = async (...given: Parameters<typeof person>): Promise<Person> => {
  const someone = await person(...given);
  closing.push(someone);
  return someone;
};

it("makes the same person of another browser", { timeout: 60_000 }, async () => {
  const [one, other] = [browser(), browser()];
  closing.push(one, other);
  const library = startHost();
  closing.push(library.host);
  await one.client.ask({ type: "share", document: (await openWith(library.library, [])).document, name: "Mia" });
  await until(() => one.client.keys?.isRecoverable ?? false, "it is said that a file can be made");
  await expect(one.client.recoveryFile("short")).rejects.toMatchObject({ code: "invalid" });
  const file = await one.client.recoveryFile("correct horse battery");
  await expect(other.client.recover(file, "correct horse batterie")).rejects.toMatchObject({ code: "denied" });
  await expect(other.client.recover(new Uint8Array(9), "x")).rejects.toMatchObject({ code: "invalid" });
  expect(other.client.keys).toBeUndefined();
  expect(await other.client.recover(file, "correct horse battery")).toBe("Mia");
  expect(other.client.keys).toEqual(one.client.keys);
  expect(other.meshHost.mesh?.me).toBe(one.client.keys?.id);
});

it("brings one back into a notebook by a link that was used", async () => {
  const [ana, ben] = [await meet("Ana"), await meet("Ben")];
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await ana.mesh.share(mine.document, "Ana");
  link(ana, ben);
  const terms = { role: "editor", uses: "one", expires: Date.now() + 3_600_000 } as const;
  const invitation = await ana.mesh.invite(mine.document, terms);
  await ben.mesh.join(invitation, "Ben");
  await until(() => ben.mesh.notebook(mine.document)?.isHere ?? false, "Ben has it");
  // Another machine with Ben's keys, and somebody else with the same link.
  const again = await meet("Ben", { store: new BreakableStore(), signer: { ...ben.signer, wasRecovered: true } });
  const eve = await meet("Eve");
  for (const who of [again, eve]) {
    link(ana, who);
    await who.mesh.join(invitation, who.name);
  }
  await until(() => again.mesh.notebook(mine.document)?.isHere ?? false, "Ben has it again");
  await until(() => eve.mesh.notebook(mine.document)?.trouble !== undefined, "Eve is told");
  expect(eve.mesh.notebook(mine.document)?.isHere).toBe(false);
  const theirs = await again.library.open(mine.document);
  await theirs.change([{ type: "set_title", title: "By Ben, from elsewhere" }]);
  await until(() => mine.notebook.title === "By Ben, from elsewhere", "Ana has what Ben did");
  expect(ana.mesh.notebook(mine.document)?.membership?.members.map(({ name }) => name)).toEqual(["Ana", "Ben"]);
  expect(ana.mesh.notebook(mine.document)?.membership?.equivocations).toEqual([]);
});
