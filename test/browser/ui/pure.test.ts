/** The parts of the page that are plain functions: heights, keys, the palette's score, find, routes, settings, times. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Cell } from "#core/notebook/model.ts";
import { countsIn, KeyMatcher, keyNames, normaliseKey, showKey, type KeyPress } from "#kit/keymap.ts";
import { commands, type Command } from "#kit/commands.ts";
import { Heights } from "#app/browser/notebook/heights.ts";
import { grammarName } from "#app/browser/notebook/editor/languages.ts";
import { findInCells, placeIn } from "#app/browser/notebook/find-bar.tsx";
import { fold, isFolded } from "#app/browser/notebook/folding.ts";
import { UndoStack } from "#app/browser/notebook/undo.ts";
import { duration } from "#app/browser/notebook/when.ts";
import { host } from "#app/browser/plugins.ts";
import { readRoute, writeRoute } from "#app/browser/route.ts";
import { kernelSettings, readSettings } from "#app/browser/settings.ts";
import { score } from "#app/browser/shell/palette.tsx";

const press = (key: string, held: string[] = [], code = ""): KeyPress => ({
  key,
  code,
  ctrlKey: held.includes("Ctrl"),
  altKey: held.includes("Alt"),
  shiftKey: held.includes("Shift"),
  metaKey: held.includes("Meta"),
});

const cell = (id: string, source: string, more: Partial<Cell> = {}): Cell => ({
  id: id as Cell["id"],
  kind: "code",
  language: "python",
  source,
  textVersion: 0,
  metadata: {},
  run: undefined,
  ...more,
});

describe("heights of rows", () => {
  it("agree with plain sums after any changes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(500), { maxLength: 80 }),
        fc.array(fc.tuple(fc.nat(100), fc.nat(900)), { maxLength: 40 }),
        fc.nat(50_000),
        (start, changes, y) => {
          const plain = [...start];
          const heights = new Heights(start);
          for (const [index, height] of changes) {
            if (index >= plain.length) expect(heights.set(index, height)).toBe(false);
            else {
              expect(heights.set(index, height)).toBe(plain[index] !== height);
              plain[index] = height;
            }
          }
          let sum = 0;
          let covering = plain.length - 1;
          for (let i = 0; i < plain.length; i++) {
            expect(heights.top(i)).toBe(sum);
            sum += plain[i] as number;
            if (sum > y && covering === plain.length - 1 && i < covering) covering = i;
          }
          expect(heights.total).toBe(sum);
          expect(heights.find(y)).toBe(covering);
        },
      ),
    );
  });
});

describe("keys", () => {
  it("are named by character, and by place where a modifier makes the character depend on the layout", () => {
    expect(keyNames(press("Enter", ["Shift"]))).toEqual(["Shift-Enter"]);
    expect(keyNames(press("M", ["Shift"], "KeyM"))).toEqual(["Shift-m"]);
    expect(keyNames(press("_", ["Ctrl", "Shift"], "Minus"))).toContain("Ctrl-Shift--");
    expect(keyNames(press("?", ["Shift"], "Slash"))[0]).toBe("?");
    expect(keyNames(press("Shift", ["Shift"]))).toEqual([]);
    expect(normaliseKey("Mod-Shift-p", true)).toBe("Meta-Shift-p");
    expect(normaliseKey("Ctrl-Shift--", false)).toBe("Ctrl-Shift--");
    expect(showKey("Mod-Shift-p", false)).toBe("Ctrl+Shift+P");
    expect(showKey("d d", false)).toBe("D D");
  });

  it("find Jupyter's commands in the mode they belong to", () => {
    const matcher = new KeyMatcher(host.get(commands), false);
    const idOf = (found: Command | "pending" | undefined): string | undefined =>
      typeof found === "object" ? found.id : found;
    const inCommand = (key: string, held: string[] = [], code = ""): string | undefined =>
      idOf(matcher.press(press(key, held, code), "command", 0));
    const table: readonly [string, string[], string, string][] = [
      ["a", [], "", "cell.insert-above"],
      ["b", [], "", "cell.insert-below"],
      ["x", [], "", "cell.cut"],
      ["c", [], "", "cell.copy"],
      ["v", [], "", "cell.paste-below"],
      ["z", [], "", "edit.undo"],
      ["Z", ["Shift"], "KeyZ", "edit.redo"],
      ["m", [], "", "cell.markdown"],
      ["y", [], "", "cell.code"],
      ["r", [], "", "cell.raw"],
      ["3", [], "", "cell.heading-3"],
      ["j", [], "", "cell.next"],
      ["k", [], "", "cell.previous"],
      ["ArrowDown", ["Shift"], "", "cell.extend-down"],
      ["M", ["Shift"], "KeyM", "cell.merge"],
      ["o", [], "", "cell.fold-outputs"],
      ["l", [], "", "view.line-numbers"],
      ["h", [], "", "page.shortcuts"],
      ["p", [], "", "page.palette-command"],
      [" ", [], "", "scroll.down"],
      ["Enter", [], "", "mode.edit"],
      ["Enter", ["Shift"], "", "run.advance"],
      ["Enter", ["Ctrl"], "", "run.cell"],
      ["Enter", ["Alt"], "", "run.insert"],
      ["P", ["Ctrl", "Shift"], "KeyP", "page.palette"],
      ["s", ["Ctrl"], "KeyS", "page.save"],
      ["z", ["Ctrl"], "KeyZ", "edit.undo"],
    ];
    for (const [key, held, code, id] of table) expect([key, inCommand(key, held, code)]).toEqual([key, id]);
    expect(idOf(matcher.press(press("a"), "edit", 0))).toBeUndefined();
    expect(idOf(matcher.press(press("Escape"), "edit", 0))).toBe("mode.command");
    expect(idOf(matcher.press(press("_", ["Ctrl", "Shift"], "Minus"), "edit", 0))).toBe("cell.split");
    expect(idOf(matcher.press(press("z", ["Ctrl"]), "edit", 0))).toBeUndefined();
  });

  it("wait a second for the rest of a sequence", () => {
    const matcher = new KeyMatcher(host.get(commands), false);
    expect(matcher.press(press("d"), "command", 0)).toBe("pending");
    expect(matcher.press(press("d"), "command", 500)).toMatchObject({ id: "cell.delete" });
    expect(matcher.press(press("d"), "command", 1000)).toBe("pending");
    expect(matcher.press(press("d"), "command", 2500)).toBe("pending");
    expect(matcher.press(press("j"), "command", 2600)).toMatchObject({ id: "cell.next" });
    expect(matcher.press(press("i"), "command", 3000)).toBe("pending");
    expect(matcher.press(press("i"), "command", 3100)).toMatchObject({ id: "kernel.interrupt" });
    expect(matcher.press(press("0"), "command", 3200)).toBe("pending");
    expect(matcher.press(press("0"), "command", 3300)).toMatchObject({ id: "kernel.restart" });
  });

  it("never mean two commands in one place", () => {
    for (const place of ["command", "edit", "panel", "side", "library"] as const) {
      const seen = new Map<string, string>();
      for (const command of host.get(commands)) {
        if (!countsIn(command.when, place)) continue;
        for (const key of new Set(command.keys.map((name) => normaliseKey(name, false)))) {
          expect([place, key, seen.get(key)]).toEqual([place, key, undefined]);
          seen.set(key, command.id);
        }
      }
    }
  });
});

describe("the palette", () => {
  it("finds by any words of the title in any order, best first", () => {
    expect(score("Download as .ipynb", "ipynb down")).toBeGreaterThan(0);
    expect(score("Run all", "run all")).toBeGreaterThan(score("Run all above", "run all"));
    expect(score("Interrupt", "irpt")).toBeGreaterThan(0);
    expect(score("Interrupt", "xyz")).toBe(0);
  });
});

describe("find", () => {
  it("sees sources and outputs of all cells, whatever the case", () => {
    const run = {
      id: "r",
      status: "ok",
      count: 1,
      started: 0,
      ms: 1,
      sourceHash: "",
      outputs: [{ output_type: "stream", name: "stdout", text: "Alpha" }],
    } as unknown as Cell["run"];
    const cells = [cell("a", "alpha = ALPHA"), cell("b", "", { run }), cell("c", "beta")];
    expect(findInCells(cells, "alpha", (item) => item.run?.outputs ?? [])).toEqual([
      { cell: "a", at: 0 },
      { cell: "a", at: 8 },
      { cell: "b", at: undefined },
    ]);
    expect(findInCells(cells, "", () => [])).toEqual([]);
  });

  it("selects what is left of a match where somebody else has made the text shorter", () => {
    expect(placeIn(20, 8, 5)).toEqual({ anchor: 8, head: 13 });
    expect(placeIn(10, 8, 5)).toEqual({ anchor: 8, head: 10 });
    expect(placeIn(3, 8, 5)).toEqual({ anchor: 3, head: 3 });
  });
});

describe("undo of cells", () => {
  it("applies inverses in order, one after the other, and redoes them", async () => {
    let title = "one";
    const stack = new UndoStack(async ([operation]) => {
      const before = title;
      await Promise.resolve();
      if (operation?.type === "set_title") title = operation.title;
      return [{ type: "set_title", title: before }];
    });
    void stack.do([{ type: "set_title", title: "two" }], "rename");
    void stack.do([{ type: "set_title", title: "three" }], "rename again");
    expect(await stack.undo()).toBe("rename again");
    expect(title).toBe("two");
    expect(await stack.undo()).toBe("rename");
    expect(title).toBe("one");
    expect(await stack.undo()).toBeUndefined();
    expect(await stack.redo()).toBe("rename");
    expect(title).toBe("two");
  });
});

describe("small things", () => {
  it("colours a shell cell as the program that its first line names", () => {
    expect(grammarName("shell", "#!/usr/bin/env python3\n1")).toBe("python");
    expect(grammarName("shell", "#!/usr/bin/python3.11 -u")).toBe("python");
    expect(grammarName("shell", "#!/usr/bin/perl -w")).toBe("perl");
    expect(grammarName("shell", "#!/usr/bin/env lua5.4")).toBe("lua");
    expect(grammarName("shell", "#!/bin/sh\npython3 x")).toBe("shell");
    expect(grammarName("shell", "echo '#!/usr/bin/python3'")).toBe("shell");
    expect(grammarName("python", "#!/usr/bin/perl")).toBe("python");
  });

  it("folds where Jupyter does, and keeps other metadata", () => {
    const plain = cell("a", "", { metadata: { tags: ["x"], collapsed: true } });
    expect(isFolded(plain, "outputs")).toBe(true);
    expect(fold(plain, "outputs", false)).toEqual({ type: "set_cell_metadata", cell: "a", metadata: { tags: ["x"] } });
    expect(fold(cell("a", ""), "source", true)).toMatchObject({ metadata: { jupyter: { source_hidden: true } } });
  });

  it("reads and writes the public addresses", () => {
    expect(readRoute("?path=notebooks/welcome.ipynb")).toEqual({ type: "path", path: "notebooks/welcome.ipynb" });
    expect(readRoute("?url=https%3A%2F%2Fexample.org%2Fa.ipynb")).toEqual({
      type: "url",
      url: "https://example.org/a.ipynb",
    });
    expect(readRoute("")).toEqual({ type: "library" });
    for (const route of [
      { type: "document", document: "abc" },
      { type: "path", path: "notebooks/a b&c.ipynb" },
      { type: "url", url: "https://e.org/?x=1&y=2" },
    ] as const) {
      expect(readRoute(writeRoute(route))).toEqual(route);
    }
  });

  it("falls back to defaults for settings that are broken", () => {
    localStorage.setItem("kroma-settings", '{"theme":"dark","npmMirrors":"no list","pythonMemory":1}');
    expect(readSettings()).toMatchObject({ theme: "dark", npmMirrors: [], pythonMemory: 2048 * 1024 * 1024 });
    localStorage.setItem("kroma-settings", "{");
    const settings = kernelSettings(
      {
        ...readSettings(),
        npmCdn: "",
        wheelMirrors: ["https://w.example"],
        linuxImage: "bafy",
        gateways: ["https://g.example/", "no address", "javascript:alert(1)"],
      },
      (path) => `https://site/${path}`,
    );
    expect(settings).toMatchObject({
      wheelMirrors: ["https://site/wheels/", "https://w.example/"],
      vmImage: "https://site/vm/",
      vmImageNotes: ["https://site/../linux.json", "https://site/../../linux.json"],
      vmImageCid: "bafy",
      gateways: ["https://g.example/"],
    });
    expect("npmCdn" in settings).toBe(false);
    localStorage.removeItem("kroma-settings");
  });

  it("says durations as people do", () => {
    expect([duration(0.4), duration(340), duration(3440), duration(125_000)]).toEqual([
      "1 ms",
      "340 ms",
      "3.4 s",
      "2 min 5 s",
    ]);
  });
});
