/** A first line that names a language, typed into a cell of another. */
import { describe, expect, it } from "vitest";
import { turnByMagic } from "#core/notebook/language-magic.ts";
import type { Cell } from "#core/notebook/model.ts";
import { newCell, openWith, startHost } from "./kit.ts";

async function turned(source: string, language: string): Promise<{ language: string; source: string } | undefined> {
  const { host, library } = startHost();
  const client = await openWith(library, [newCell("a", source, { language })]);
  const read = (): Cell => client.notebook.cells[0] as Cell;
  const operations = turnByMagic(read());
  if (operations.length > 0) await client.change(operations);
  const after = read();
  await host.close();
  return operations.length === 0 ? undefined : { language: after.language, source: after.source };
}

describe("a cell with a first line that names another language", () => {
  it.each([
    ["%%typescript\nlet a = 1", "python", "typescript", "let a = 1"],
    ["%%ts  \nlet a = 1\n", "python", "typescript", "let a = 1\n"],
    ["%%sql\nSELECT 1", "python", "sql", "SELECT 1"],
    ["%%sql big <<\nSELECT 1", "python", "sql", "-- name: big\nSELECT 1"],
    ["%%chat\nHello", "python", "chat", "Hello"],
    ["%%python\nprint(1)", "typescript", "python", "print(1)"],
    ["%%bash\nls", "typescript", "shell", "ls"],
    ["%%typescript", "python", "typescript", ""],
  ])("%j in %s becomes %s", async (typed, from, language, source) =>
    expect(await turned(typed, from)).toEqual({ language, source }),
  );

  it.each([
    // What Python's kernel does itself, and what nobody knows.
    ["%%bash\nls", "python"],
    ["%%javascript\nalert(1)", "python"],
    ["%%time\n1", "python"],
    ["%%R\nx <- 1", "python"],
    ["x = 1\n%%typescript", "python"],
    ["%%typescript\n1", "typescript"],
  ])("%j in %s stays", async (typed, from) => expect(await turned(typed, from)).toBeUndefined());
});
