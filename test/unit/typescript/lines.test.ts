/** Whatever a cell is made of, an error is reported at the line where it is. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Names } from "#kernels/typescript/scope.ts";
import { transformCell } from "#kernels/typescript/transform.ts";
import { transformModule } from "#kernels/typescript/module-transform.ts";

const SNIPPETS = [
  "const a$ = 1",
  "let b$: number | undefined",
  "let c$ = 2,\n  d$ = c$ + 1",
  "var e$ = [\n  1,\n  2,\n]",
  "const { f$,\n  g$ = 3,\n  ...h$ } = { f$: 1 } as any",
  "function i$(\n  x: number,\n): number {\n  return x\n}",
  "async function j$<T>(x: T): Promise<T> {\n  return await x\n}",
  "class K$ {\n  #p = 1\n  constructor(private readonly q: number = 2) {}\n  get p() { return this.#p }\n}",
  "abstract class L$ {\n  abstract m(): void\n}",
  "enum M$ {\n  A,\n  B,\n}",
  "namespace Y$\n{\n  export const a = 1\n  export namespace In.Deep {\n    export let b = a\n  }\n}",
  "interface N$ {\n  a: string\n  b?: number\n}",
  "type O$ = {\n  a: 1\n} | undefined",
  "declare const p$: string",
  "for (var q$ = 0; q$ < 2; q$++) {\n  if (q$) continue\n}",
  "label$: for (const r of [1]) {\n  break label$\n}",
  "const s$ = `\n${1 + 1}\n`",
  "// a comment\n/* and\n another */",
  "const t$ = <T,>(x: T) =>\n  x",
  "export const u$ = 1",
  "if (true) {\n  var { v$ } = { v$: 1 }\n}",
  "await null",
  ";[1, 2].map((x) => x)",
  "const w$ = {\n  a: 1,\n} satisfies object",
  "export function x$() {}",
  "try {\n  throw 1\n} catch (y) {\n}",
  "",
];

const programs = fc
  .array(fc.constantFrom(...SNIPPETS), { maxLength: 8 })
  .map((parts) => parts.map((part, index) => part.replaceAll("$", `_${index}`)));

/** The line that V8 says an error of this code came from. */
function lineOf(error: unknown, file: string): number | undefined {
  const found = new RegExp(`${file.replaceAll(".", "\\.")}:(\\d+):`).exec(String((error as Error).stack));
  return found ? Number(found[1]) : undefined;
}

const names = new Names();
let count = 0;

test("in cells", async () => {
  await fc.assert(
    fc.asyncProperty(programs, programs, async (before, after) => {
      const source = [...before, "throw new Error('here')", ...after.map((part) => part.replaceAll("_", "_z"))].join(
        "\n",
      );
      const line = before.join("\n").split("\n").length + (before.length > 0 ? 1 : 0);
      const file = `lines-${++count}.ts`;
      const cell = transformCell(source);
      const scope = {
        let: names.let,
        const: names.const,
        variable: (name: string) => names.variable(name),
        named: <T>(value: T) => value,
      };
      const run = names.evaluate(cell.code, file, cell.names) as (scope: object) => Promise<unknown>;
      const error: unknown = await run(scope).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(lineOf(error, file)).toBe(line);
    }),
    { numRuns: 150 },
  );
});

test("in modules", () => {
  fc.assert(
    fc.property(programs, (before) => {
      const parts = before.filter((part) => !part.includes("await null"));
      const source = ["import { one } from './one'", ...parts, "throw one(new Error('here'))"].join("\n");
      const file = `module-lines-${++count}.ts`;
      const module = transformModule(source, true);
      const make = names.evaluate(module.code, file, []) as (scope: object) => Iterator<unknown>;
      const steps = make({ modules: [{ one: (error: Error) => error }], exports: () => undefined });
      steps.next();
      let thrown: unknown;
      try {
        steps.next();
      } catch (error) {
        thrown = error;
      }
      expect(lineOf(thrown, file)).toBe(source.split("\n").length);
    }),
    { numRuns: 150 },
  );
});
