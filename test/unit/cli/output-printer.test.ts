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
  for (const outputs of steps) printer.show(outputs);
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
