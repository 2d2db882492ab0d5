/** Which files cells name. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readFile } from "#core/notebook/formats.ts";
import { usedPaths } from "#core/notebook/used-files.ts";

const FILES = [
  "data/weather.csv",
  "data/more/x.csv",
  "a b.txt",
  "pictures/one.png",
  "pictures/two.svg",
  "helper.py",
  "tools/__init__.py",
  "tools/deep/x.py",
  "tools/notes.txt",
  "lib.ts",
  "secret.key",
  "Makefile",
];
const used = (source: string, kind: "code" | "markdown" = "code", language = "python"): readonly string[] =>
  FILES.filter(usedPaths([{ source, kind, language }]));

it.each([
  ['pd.read_csv("data/weather.csv")', ["data/weather.csv"]],
  ["open('./data/weather.csv')", ["data/weather.csv"]],
  ["open('/workspace/data/weather.csv')", ["data/weather.csv"]],
  ["open('a b.txt')", ["a b.txt"]],
  ["Path('data').glob('*.csv')", ["data/weather.csv", "data/more/x.csv"]],
  ["glob('pictures/*.png')", ["pictures/one.png"]],
  ["glob('**/*.csv')", ["data/weather.csv", "data/more/x.csv"]],
  ["open(f'pictures/{name}.svg')", ["pictures/two.svg"]],
  ["import helper", ["helper.py"]],
  ["from tools.deep import x", ["tools/__init__.py", "tools/deep/x.py"]],
  ["os.listdir('.')", []],
  ["open('../secret.key')", []],
  ["fetch('https://example.org/secret.key')", []],
  ["glob('*')", []],
  ["data = pictures = 1", []],
])("%s", (source, files) => expect(used(source)).toEqual(files));

it("in other languages, and in text", () => {
  expect(used("cat data/weather.csv | head", "code", "shell")).toEqual(["data/weather.csv"]);
  expect(used("ls data/", "code", "shell")).toEqual(["data/weather.csv", "data/more/x.csv"]);
  expect(used('import { f } from "./lib.ts";', "code", "typescript")).toEqual(["lib.ts"]);
  expect(used("The data are here. ![one](pictures/one.png)", "markdown")).toEqual(["pictures/one.png"]);
});

it("finds the data of the Welcome notebook", () => {
  const { notebook } = readFile("welcome.ipynb", readFileSync("notebooks/welcome.ipynb"));
  expect(usedPaths(notebook.cells)("data/seattle-weather.csv")).toBe(true);
});

it("ends soon, whatever stands in a cell", () => {
  const hostile = `${'"*a'.repeat(2000)}${"{".repeat(5000)}${"*/".repeat(400)}`;
  const started = performance.now();
  const uses = usedPaths([{ source: hostile.repeat(5), kind: "code", language: "python" }]);
  uses("a/".repeat(25) + "b");
  expect(performance.now() - started).toBeLessThan(2000);
});
