/** Which models a notebook's people are given: those that it used, unless the person says no, and never what may be a secret. */
import { expect, test } from "vitest";
import { forgetModel, givenModels, giveModelBlock, noteModel, setGivesModels } from "#app/browser/notebook-models.ts";
import type { DocumentId } from "#core/base/ids.ts";
import type { PageActions } from "#kit/commands.ts";
import { browserOf, draftOf, readPattern } from "../artefact/host-kit.ts";

const [MINE, OTHER] = ["k3f0a9z1b7c2d4e5", "k3f0a9z1b7c2d4e6"] as [DocumentId, DocumentId];

test("a notebook's models are given for it alone, until the person says no or they are gone", async () => {
  const { client } = await browserOf(1, "Ada");
  const files = [{ path: "model.onnx", size: 1000 }];
  const { root } = await client.publish(draftOf(0, { kind: "model", files, made: [] }), { read: readPattern });
  const page = { artefacts: { client: () => client } } as unknown as PageActions;
  const address = `ipfs://${root}`;
  expect(await giveModelBlock(page, MINE, root)).toBeUndefined();
  noteModel(MINE, { address, cid: root, size: 1000 });
  noteModel(MINE, { address, cid: root, size: 1000 });
  expect(givenModels(MINE)).toEqual([{ address, cid: root, size: 1000 }]);
  expect(await giveModelBlock(page, MINE, root)).toEqual(await client.block(root));
  expect(await giveModelBlock(page, OTHER, root)).toBeUndefined();
  setGivesModels(false);
  expect(givenModels(MINE)).toEqual([]);
  expect(await giveModelBlock(page, MINE, root)).toBeUndefined();
  setGivesModels(true);
  forgetModel(address);
  expect(givenModels(MINE)).toEqual([]);
});

test.each(["https://ada:secret@hub.example/a/b.onnx", "https://hub.example/a/b.onnx?signature=1", "not an address"])(
  "%s is told to nobody",
  (address) => {
    noteModel(OTHER, { address, cid: "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq", size: 1 });
    expect(givenModels(OTHER)).toEqual([]);
  },
);
