/** What is completed in a shell cell, and how bash's own notices are told from output. */
import { expect, test } from "vitest";
import { completionPlace, written } from "#kernels/shell/completion.ts";
import { OutputGatherer, type OutputPiece } from "#kernels/shell/output.ts";

const place = (code: string) => completionPlace(code, code.length);

test("the first word of a command is a command, later ones are files", () => {
  expect(place("gre")).toMatchObject({ kind: "command", word: "gre", start: 0, end: 3 });
  expect(place("cat da")).toMatchObject({ kind: "file", word: "da", start: 4 });
  expect(place("cat a | so")).toMatchObject({ kind: "command", word: "so" });
  expect(place("if gr")).toMatchObject({ kind: "command", word: "gr" });
  expect(place("x=1 py")).toMatchObject({ kind: "command", word: "py" });
  expect(place("a\nb")).toMatchObject({ kind: "command", word: "b", start: 2 });
  expect(place("echo x > ou")).toMatchObject({ kind: "file", word: "ou" });
  expect(place("./ru")).toMatchObject({ kind: "file", word: "./ru" });
  expect(place("dir=/us")).toMatchObject({ kind: "file", word: "/us", start: 4 });
});

test("a dollar begins a variable, except in single quotes", () => {
  expect(place("echo $HO")).toMatchObject({ kind: "variable", word: "HO", start: 6 });
  expect(place('echo "a ${PA')).toMatchObject({ kind: "variable", word: "PA" });
  expect(place("echo '$HO")).toMatchObject({ kind: "file", word: "$HO" });
});

test("quotes and backslashes are understood in a word and written in a match", () => {
  const escaped = place("cat my\\ fi");
  expect(escaped).toMatchObject({ word: "my fi", start: 4 });
  expect(written("my file", escaped)).toBe("my\\ file");
  const quoted = place('cat "my fi');
  expect(quoted).toMatchObject({ word: "my fi", start: 5, quote: '"' });
  expect(written("my file", quoted)).toBe("my file");
  expect(written("größe.txt", place("cat g"))).toBe("größe.txt");
});

/** What the page gets of these writes to stderr. */
function shown(...writes: string[]): string {
  const pieces: OutputPiece[] = [];
  const output = new OutputGatherer((piece) => pieces.push(piece));
  for (const text of writes) output.add("stderr", new TextEncoder().encode(text), () => undefined);
  output.flush();
  return pieces.map((piece) => piece.text).join("");
}

test("bash's notice that a background job ended is left out wherever it is cut, and nothing else is", () => {
  for (const notice of [
    "[1]+  Done                    sleep 0.3 && echo later\n",
    "[1]+  Terminated              ( sleep 5 )\n",
  ]) {
    for (let cut = 0; cut <= notice.length; cut++) {
      expect(shown(`a\n${notice.slice(0, cut)}`, `${notice.slice(cut)}b\n`)).toBe("a\nb\n");
    }
  }
  expect(shown("[2]-  Exit 3                  false\n")).toBe("");
  const loop = "[1]+  Done                    for i in 1 2 3;\ndo\n    echo $i; sleep 0.1;\ndone\n";
  for (let cut = 0; cut <= loop.length; cut++) {
    expect(shown(`a\n${loop.slice(0, cut)}`, `${loop.slice(cut)}b\n`)).toBe("a\nb\n");
  }
  for (const text of [
    "[1] first\n",
    "[warn] Done\n",
    "x [1]+  Done\n",
    "[1",
    "[1]+  Do",
    "[]\n",
    "[12]+  Stopped  vi\n",
    "[3]-  Killed                  sleep 9\n",
    "[3]-  Ter",
  ]) {
    expect(shown(text)).toBe(text);
    expect(shown(...Array.from(text))).toBe(text);
  }
});

test("a character cut between two writes arrives whole, and bytes that are none become replacement characters", () => {
  const bytes = new TextEncoder().encode("é漢🎉");
  const pieces: OutputPiece[] = [];
  const output = new OutputGatherer((piece) => pieces.push(piece));
  for (const byte of bytes) output.add("stdout", Uint8Array.of(byte), () => undefined);
  output.add("stdout", Uint8Array.of(0xff, 0xf0, 0x9f), () => undefined);
  output.flush();
  expect(pieces.map((piece) => piece.text).join("")).toBe("é漢🎉\ufffd\ufffd");
});

test("what was written is given back only as the page takes it, in order", () => {
  const used: number[] = [];
  const sizes: number[] = [];
  const output = new OutputGatherer((piece) => sizes.push(piece.size));
  for (let index = 0; index < 5; index++) output.add("stdout", new Uint8Array(10), () => used.push(index));
  output.flush();
  expect(sizes).toEqual([50]);
  output.taken(25);
  expect(used).toEqual([0, 1]);
  output.taken(25);
  expect(used).toEqual([0, 1, 2, 3, 4]);
});
