/** What a notebook knows of its own publications: noted in it, read with care, and no part of what is published. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { environmentOf } from "#core/artefact/notebook-facts.ts";
import { notebookParts } from "#core/artefact/notebook-parts.ts";
import { publishedMetadata, publishedVersions, withoutVersions } from "#core/artefact/versions.ts";
import type { CellId } from "#core/base/ids.ts";
import type { Notebook } from "#core/notebook/model.ts";
import { PYODIDE_VERSION } from "#kernels/python/pyodide-version.ts";
import { browserOf, draftOf, madeOf, readPattern } from "./host-kit.ts";
import { text } from "./kit.ts";

const ROOTS = [
  "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua",
  "bafyreidvmnkik3xyguw5sbqha376m7bxtvzakomg6n5lbmw6us7l2owxya",
] as const;
const notebookWith = (metadata: Notebook["metadata"]): Notebook => ({
  title: "T",
  language: "python",
  metadata,
  cells: [],
});
const bytesOf = (notebook: Notebook): unknown =>
  notebookParts(notebook, [], { authors: [], licence: "MIT" }).content[0]?.content;

it("is noted with version, time and parents, once for each, latest first", () => {
  const first = { cid: ROOTS[0], version: "1.0.0", time: 1000, parents: [] };
  const second = { cid: ROOTS[1], version: "1.0.1", time: 2000, parents: [ROOTS[0]] };
  const once = notebookWith(publishedMetadata(notebookWith({ kroma: { dependencies: [] } }), first));
  expect(once.metadata).toEqual({
    kroma: { dependencies: [], published: [{ cid: ROOTS[0], version: "1.0.0", time: 1000 }] },
  });
  const twice = notebookWith(publishedMetadata(once, second));
  expect(publishedVersions(twice)).toEqual([second, first]);
  const again = publishedMetadata(twice, { ...first, time: 3000 });
  expect(publishedVersions({ metadata: again }).map(({ time }) => time)).toEqual([3000, 2000]);
});

it("is read with care: what can't be an entry is passed over", () => {
  const good = { cid: ROOTS[0], version: "1.0.0", time: 1, parents: [ROOTS[1], "x", 7] };
  const wrong = [
    {},
    7,
    { ...good, cid: "x" },
    { ...good, time: "1" },
    { ...good, version: 1 },
    { ...good, parents: 1 },
  ];
  expect(publishedVersions(notebookWith({ kroma: { published: [...wrong, good] } }))).toEqual([
    { ...good, parents: [ROOTS[1]] },
  ]);
  for (const kroma of [undefined, "x", [], { published: "x" }])
    expect(publishedVersions(notebookWith({ kroma }))).toEqual([]);
});

it("is no part of what is published, whatever else the notebook says of itself", () => {
  for (const metadata of [{}, { kroma: { dependencies: [] } }, { tags: ["x"], kroma: { parents: [ROOTS[1]] } }]) {
    const before = notebookWith(metadata);
    const after = notebookWith({
      ...metadata,
      ...publishedMetadata(before, { cid: ROOTS[0], version: "1.0.0", time: 5, parents: [] }),
    });
    expect(bytesOf(after)).toEqual(bytesOf(before));
    expect(withoutVersions(after)).toEqual(before);
  }
});

it("tells another machine, which never published it, what it comes from", async () => {
  const here = await browserOf(1, "Ada");
  const first = await here.client.publish(draftOf(0), { read: readPattern });
  const last = { cid: first.root, version: "1.0.0", time: first.time, parents: first.parents };
  const elsewhere = await browserOf(1, "Ada");
  expect(await elsewhere.client.publish(draftOf(0, { last }), { read: readPattern })).toMatchObject({
    root: first.root,
    isKnown: true,
  });
  const changed = draftOf(0, { last, made: madeOf(text("{}")), version: "1.0.1" });
  const second = await (await browserOf(2, "Ben")).client.publish(changed, { read: readPattern });
  expect(second.parents).toEqual([first.root]);
  // What was published here later counts more than what the notebook of then knew.
  const third = await elsewhere.client.publish({ ...changed, version: "1.0.2" }, { read: readPattern });
  expect(third.parents).toEqual([first.root]);
});

it("runs on the Pyodide that is installed, and says so where Python cells are", () => {
  const packages = JSON.parse(readFileSync("package.json", "utf8")) as { dependencies: Record<string, string> };
  expect(PYODIDE_VERSION).toBe(packages.dependencies["pyodide"]);
  expect(environmentOf(notebookWith({}), { pyodide: PYODIDE_VERSION }).pyodide).toBeUndefined();
  const cell = {
    id: "a" as CellId,
    kind: "code",
    language: "python",
    source: "1",
    metadata: {},
    textVersion: 0,
    run: undefined,
  } as const;
  expect(environmentOf({ ...notebookWith({}), cells: [cell] }, { pyodide: PYODIDE_VERSION }).pyodide).toBe(
    PYODIDE_VERSION,
  );
});
