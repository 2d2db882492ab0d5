/** What the command line prints of a cell's outputs. */
import { expect, it } from "vitest";
import { OutputPrinter } from "#app/node/output-printer.ts";
import type { Output } from "#core/notebook/model.ts";

function printed(...steps: readonly (readonly Output[])[]): string {
  let text = "";
  const printer = new OutputPrinter({
    out: (part) => (text += part),
    error: (part) => (text += `[${part}]`),
  });
  steps.forEach((outputs, index) => printer.show(outputs, index === steps.length - 1));
  return text;
}

it("prints what is new of a stream that grows, and errors apart", () => {
  const stream = (text: string): Output => ({ output_type: "stream", name: "stdout", text });
  const error: Output = { output_type: "error", ename: "E", evalue: "no", traceback: ["Traceback", "E: no"] };
  expect(printed([stream("one\n")], [stream("one\ntwo\n")], [stream("one\ntwo\n"), error])).toBe(
    "one\ntwo\n[Traceback\nE: no\n]",
  );
});

it("prints a picture that is written out in a text as its beginning and its length", () => {
  const picture = `data:image/png;base64,${"A".repeat(5000)}`;
  const output: Output = {
    output_type: "execute_result",
    execution_count: 1,
    data: { "text/plain": `<img src="${picture}"> and data:text/plain;base64,aGk=` },
    metadata: {},
  };
  expect(printed([output])).toBe(
    `<img src="${picture.slice(0, 64)}… (4958 more characters)"> and data:text/plain;base64,aGk=\n`,
  );
});

const stream = (text: string): Output => ({ output_type: "stream", name: "stdout", text });
const display = (text: string, displayId?: string): Output => ({
  output_type: "display_data",
  data: { "text/plain": text },
  metadata: {},
  ...(displayId === undefined ? {} : { displayId }),
});

it("prints streams and displays once, in order", () => {
  expect(printed([stream("a")], [stream("ab")], [stream("ab"), display("<Figure>")])).toBe("ab<Figure>\n");
  expect(printed([display("one"), stream("x")], [display("one"), stream("xy")])).toBe("one\nxy");
});

it("follows an answer as it grows, and ends its line", () => {
  const seen = display("saw 2 messages", "s");
  expect(
    printed(
      [seen],
      [seen, display("Hel", "a")],
      [seen, display("Hello", "a")],
      [display("saw more", "s"), display("Hello!", "a")],
    ),
  ).toBe("saw 2 messages\nHello!\n");
});

it("does not repeat a display that becomes another", () => {
  expect(printed([display("10 %", "bar")], [display("20 %", "bar")], [display("20 %", "bar"), stream("done\n")])).toBe(
    "10 %\ndone\n",
  );
});
