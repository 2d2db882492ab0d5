import { describe, expect, it } from "vitest";
import { usedFiles, type FileTree } from "#core/artefact/used-files.ts";

const FILES: Readonly<Record<string, string>> = {
  "data/weather.csv": "",
  "data/more/rain.csv": "",
  "model.onnx": "",
  "helper.py": "from tools.plots import draw\nopen('colours.json')",
  "tools/__init__.py": "",
  "tools/plots.py": "open('tools/style.mplstyle')",
  "tools/style.mplstyle": "",
  "colours.json": "",
  "lib/shapes.ts": "import { x } from './colour.ts'",
  "lib/colour.ts": "",
  "run.sh": "cat notes.txt",
  "notes.txt": "",
  "pictures/my plot.png": "",
  "unused.csv": "",
};

const tree: FileTree = {
  async kind(path) {
    if (path in FILES) return "file";
    return Object.keys(FILES).some((file) => file.startsWith(`${path}/`)) ? "folder" : undefined;
  },
  list: async (folder, most) =>
    Object.keys(FILES)
      .filter((file) => file.startsWith(`${folder}/`))
      .slice(0, most),
  text: async (path) => FILES[path],
};

const used = (language: string, source: string): Promise<readonly string[]> => usedFiles([{ language, source }], tree);

describe("files that cells use", () => {
  it("are seen in texts of the code, however the path is written", async () => {
    for (const source of [
      "pd.read_csv('data/weather.csv')",
      'open("./data/weather.csv")',
      "`/workspace/data//weather.csv`",
    ])
      expect(await used("python", source), source).toEqual(["data/weather.csv"]);
    expect(await used("typescript", 'await readFile("model.onnx")')).toEqual(["model.onnx"]);
  });

  it("are all in a folder, or below the fixed part of a pattern", async () => {
    expect(await used("python", 'os.listdir("data")')).toEqual(["data/more/rain.csv", "data/weather.csv"]);
    expect(await used("python", 'glob("data/*.csv")')).toEqual(["data/more/rain.csv", "data/weather.csv"]);
  });

  it("are modules that lie there, and what these use in turn", async () => {
    expect(await used("python", "import numpy as np, helper\n")).toEqual([
      "colours.json",
      "helper.py",
      "tools/__init__.py",
      "tools/plots.py",
      "tools/style.mplstyle",
    ]);
    expect(await used("typescript", 'import { a } from "./lib/shapes";')).toEqual(["lib/colour.ts", "lib/shapes.ts"]);
  });

  it("are words of shell commands", async () => {
    expect(await used("shell", "bash run.sh > out.txt")).toEqual(["notes.txt", "run.sh"]);
    expect(await used("python", "!head -n 3 notes.txt | cat")).toEqual(["notes.txt"]);
  });

  it("are pictures in texts", async () => {
    expect(
      await used("markdown", "See ![it](pictures/my%20plot.png) and [all](https://example.org/unused.csv)."),
    ).toEqual(["pictures/my plot.png"]);
  });

  it("are none that only sound alike, lie outside, or would be everything", async () => {
    for (const source of [
      '"../data/weather.csv"',
      '"/etc/passwd"',
      '"."',
      '""',
      "weather.csv",
      '"file:///workspace/unused.csv"',
    ])
      expect(await used("python", source), source).toEqual([]);
  });
});
