import { TerminalText, ROW_LIMIT, textOf } from "#plugins/outputs/terminal-text.ts";
import { TRUE_COLOUR } from "#plugins/outputs/terminal-style.ts";
import { contrast, paintOf, readable } from "#plugins/outputs/colours.ts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const E = "\u001b";

function read(...pieces: readonly string[]): TerminalText {
  const text = new TerminalText();
  for (const piece of pieces) text.push(piece);
  return text;
}
const lines = (text: TerminalText) => Array.from({ length: text.count }, (_none, index) => textOf(text.row(index)));
const rows = (text: TerminalText) => Array.from({ length: text.count }, (_none, index) => text.row(index));

describe("terminal text", () => {
  test("plain lines are kept as they are, and a last line end makes no row", () => {
    expect(lines(read("one\ntwo\n"))).toEqual(["one", "two"]);
    expect(lines(read("one\n\nthree"))).toEqual(["one", "", "three"]);
    expect(lines(read(""))).toEqual([]);
  });

  test("a progress bar overwrites its line, and what is longer stays", () => {
    expect(lines(read("  5%\r 10%\r100%\n"))).toEqual(["100%"]);
    expect(lines(read("abcdef\rXY"))).toEqual(["XYcdef"]);
    expect(lines(read(`abcdef\r${E}[KXY`))).toEqual(["XY"]);
    expect(lines(read("ab\b\bXY\bZ"))).toEqual(["XZ"]);
    expect(lines(read("dos\r\nlines\r\n"))).toEqual(["dos", "lines"]);
  });

  test("several progress bars are drawn one above the other by moving the cursor", () => {
    const text = read("a: 0%\nb: 0%\n", `${E}[2A`, "\ra: 50%\n\n", `${E}[1A`, "\rb: 70%\n");
    expect(lines(text)).toEqual(["a: 50%", "b: 70%"]);
  });

  test("colours, styles and links end up on the right letters", () => {
    const [row] = rows(
      read(
        `x${E}[1;31mred${E}[0m ${E}[38;5;208mo${E}[38;2;1;2;3mt${E}[m ${E}]8;;https://a.example/${E}\\link${E}]8;;${E}\\.`,
      ),
    );
    if (typeof row !== "object") throw new Error("no styles");
    expect(row.text).toBe("xred ot link.");
    expect(row.runs.map(({ start, end, style }) => [start, end, style.foreground, style.bold, style.link])).toEqual([
      [1, 4, 1, true, undefined],
      [5, 6, 208, false, undefined],
      [6, 7, TRUE_COLOUR + 0x010203, false, undefined],
      [8, 12, undefined, false, "https://a.example/"],
    ]);
  });

  test("a link that is not http or https is text", () => {
    for (const address of ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "//x", "java\nscript:x"]) {
      expect(rows(read(`${E}]8;;${address}\u0007x`)).some((row) => typeof row === "object")).toBe(false);
    }
  });

  test("an unknown or broken sequence leaves nothing behind and swallows no text after it", () => {
    expect(lines(read(`a${E}[?25lb${E}[?1049hc${E}(Bd${E}=e${E}]0;title\u0007f${E}Pq#0${E}\\g`))).toEqual(["abcdefg"]);
    expect(lines(read(`a${E}]8;;never ends\nb`))).toEqual(["a", "b"]);
    expect(lines(read(`a${E}[31\nb`))).toEqual(["a", "b"]);
    expect(lines(read(`${E}]${"x".repeat(9000)}`)).join("").length).toBeLessThan(9000);
  });

  test("a line longer than the limit goes on in rows that are joined again when saved", () => {
    const long = "x".repeat(ROW_LIMIT * 2 + 5);
    const text = read(`${long}\nend\n`);
    expect(text.count).toBe(4);
    expect([...text.plain()].join("")).toBe(`${long}\nend\n`);
  });

  test("half an emoji is never left behind", () => {
    expect(lines(read("🌑 go\rX"))).toEqual(["X  go"]);
    expect(lines(read("a🌑\b\bX"))).toEqual(["X🌑"]);
  });

  const piece = fc.oneof(
    { weight: 5, arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }) },
    { weight: 2, arbitrary: fc.constantFrom("\n", "\r", "\b", "\r\n", "\t", "🌑", "é") },
    {
      weight: 3,
      arbitrary: fc.constantFrom(
        `${E}[31m`, `${E}[0m`, `${E}[1;4;38;5;99m`, `${E}[48;2;9;8;7m`, `${E}[K`, `${E}[1K`, `${E}[2K`, `${E}[A`, `${E}[2B`, `${E}[3C`, `${E}[2D`,
        `${E}[5G`, `${E}[H`, `${E}[2J`, `${E}[J`, `${E}[2P`, `${E}[3X`, `${E}]8;;https://x.example/\u0007`, `${E}]8;;${E}\\`, `${E}[?25l`, `${E}c`, `${E}M`,
        E, `${E}[`, `${E}]`, `${E}[38;5`, `${E}P`, "\u009b31m", "\u0007", "\u0000",
      ), // prettier-ignore
    },
  );

  test("however the text is cut into pieces, the rows are the same", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(400), { maxLength: 30 }), (parts, cuts) => {
        const whole = parts.join("");
        const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
        const pieces = [0, ...places].map((from, index) => whole.slice(from, places[index] ?? whole.length));
        expect(rows(read(...pieces))).toEqual(rows(read(whole)));
      }),
      { numRuns: 3000 },
    );
  });

  test("no control character is ever shown, runs lie in order inside their row, and nothing is longer than the limit", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (parts) => {
        for (const row of rows(read(parts.join("")))) {
          const text = textOf(row);
          // oxlint-disable-next-line no-control-regex -- the very thing to look for
          expect(text).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/);
          expect(text.length).toBeLessThanOrEqual(ROW_LIMIT);
          let end = 0;
          for (const run of typeof row === "string" ? [] : row.runs) {
            expect(run.start).toBeGreaterThanOrEqual(end);
            expect(run.end).toBeGreaterThan(run.start);
            end = run.end;
          }
          expect(end).toBeLessThanOrEqual(text.length);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("terminal colours", () => {
  const styled = (code: string) => {
    const row = read(`${E}[${code}mx`).row(0);
    if (typeof row !== "object") throw new Error("no style");
    return row.runs[0]!.style;
  };
  const numbers = (css: string): [number, number, number] => {
    const inner = /rgb\((\d+) (\d+) (\d+)\)/.exec(css);
    return [Number(inner?.[1]), Number(inner?.[2]), Number(inner?.[3])];
  };

  test("every colour of the palette reads on light and on dark, at least 4.5 to 1", () => {
    for (let index = 0; index < 256; index += 1) {
      for (const dark of [false, true]) {
        const { color } = paintOf(styled(`38;5;${index}`), dark);
        expect(contrast(numbers(color ?? ""), dark ? [24, 23, 22] : [252, 251, 249])).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  test("text on a coloured ground reads, whatever the two colours are", () => {
    fc.assert(
      fc.property(fc.nat(255), fc.nat(255), fc.boolean(), (front, back, dark) => {
        const { color, background } = paintOf(styled(`38;5;${front};48;5;${back}`), dark);
        expect(contrast(numbers(color ?? ""), numbers(background ?? ""))).toBeGreaterThanOrEqual(4.5);
      }),
    );
  });

  test("a colour that reads already is left alone", () => {
    expect(readable([0, 0, 120], [255, 255, 255])).toEqual([0, 0, 120]);
  });
});
