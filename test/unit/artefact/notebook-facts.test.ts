import { expect, it } from "vitest";
import { environmentOf, forkMetadata, parentsOf } from "#core/artefact/notebook-facts.ts";
import { notebookParts } from "#core/artefact/notebook-parts.ts";
import type { Notebook } from "#core/notebook/model.ts";

const ROOT = "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua";
const notebookWith = (kroma: unknown): Notebook => ({ title: "T", language: "python", metadata: { kroma }, cells: [] });

it("locks packages by what cells recorded, in one order, and leaves out what has no hash that can be checked", () => {
  const dependencies = [
    { ecosystem: "pypi", name: "six", version: "1.17.0", integrity: `sha256-${btoa("\u0001".repeat(32))}` },
    { ecosystem: "npm", name: "d3", version: "7.9.2", integrity: "sha384-abc" },
    {
      ecosystem: "pypi",
      name: "attrs",
      version: "25.1.0",
      integrity: `sha256-${"ab".repeat(32)}`,
      url: "https://x.example/a.whl",
    },
    { ecosystem: "pypi", name: "odd", version: "1", integrity: "sha256-nonsense" },
  ];
  const expected = {
    packages: [
      { name: "attrs", version: "25.1.0", sha256: "ab".repeat(32), source: "https://x.example/a.whl" },
      { name: "six", version: "1.17.0", sha256: "01".repeat(32), source: "pyodide" },
    ],
    npm: [{ name: "d3", version: "7.9.2", integrity: "sha384-abc" }],
  };
  expect(environmentOf(notebookWith({ dependencies }))).toEqual(expected);
  expect(environmentOf(notebookWith({ dependencies: dependencies.toReversed() }))).toEqual(expected);
  expect(environmentOf(notebookWith(undefined))).toEqual({ packages: [], npm: [] });
});

it("names the parents of a fork, and nothing that is no CID", () => {
  const fork = {
    ...notebookWith({ dependencies: [] }),
    metadata: forkMetadata(notebookWith({ dependencies: [] }), ROOT),
  };
  expect(fork.metadata["kroma"]).toEqual({ dependencies: [], parents: [ROOT] });
  expect(parentsOf(fork)).toEqual([ROOT]);
  expect(notebookParts(fork, [], { authors: [], licence: "MIT" }).parents).toEqual([ROOT]);
  expect(
    parentsOf(notebookWith({ parents: [ROOT, ROOT, "x", 7, "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"] })),
  ).toEqual([ROOT]);
  expect(parentsOf(notebookWith({ parents: "x" }))).toEqual([]);
});
