/** What a page and the mesh say to each other, and in which order it may come. */
import { afterEach, expect, it } from "vitest";
import { linkPair } from "#core/mesh/link-pair.ts";
import { newCell, openWith } from "../notebook/kit.ts";
import { person, until } from "./people.ts";
import { browser } from "./browser.ts";

const closing: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0)) await one.close();
});

it("takes up a link that comes while the mesh is still being opened for a joining", async () => {
  const ana = await person("Ana");
  const guest = browser();
  closing.push(ana, guest);
  const mine = await openWith(ana.library, [newCell("a", "x = 1")]);
  await ana.mesh.share(mine.document, "Ana");
  const expires = Date.now() + 3_600_000;
  const terms = await ana.mesh.invite(mine.document, { role: "editor", uses: "one", expires });
  const [one, other] = linkPair(["Ana", "Guest"]);
  await guest.client.ask({ type: "prepare" });
  expect(guest.meshHost.mesh).toBeUndefined();
  const joined = guest.client.ask({ type: "join", terms, name: "Guest" });
  guest.client.addLink(other.link);
  void ana.mesh.addLink(one.link);
  await joined;
  await until(() => guest.client.sharing(mine.document)?.isHere ?? false, "the notebook has come over it");
});

it("ends a link that nobody here has a use for", async () => {
  const guest = browser();
  closing.push(guest);
  const [one, other] = linkPair(["Ana", "Guest"]);
  let isOver = false;
  one.link.channel.onClose(() => (isOver = true));
  guest.client.addLink(other.link);
  await until(() => isOver, "the link has ended");
  expect(guest.meshHost.mesh).toBeUndefined();
});
