/** The imports of an ES module: found by a real parser (acorn, loaded when the first module is met) and rewritten. */

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}
interface Literal {
  readonly start: number;
  readonly end: number;
  readonly value: unknown;
}

/** The module with the specifiers for which `resolve` gives another text, and those texts. What is no module stays as it is. */
export async function moduleParts(
  code: string,
  resolve: (specifier: string) => string | undefined,
): Promise<{ readonly text: string; readonly imports: readonly string[] }> {
  const { parse } = await import("acorn");
  let program: Node;
  try {
    program = parse(code, { ecmaVersion: "latest", sourceType: "module", allowHashBang: true }) as unknown as Node;
  } catch {
    // The frame will tell the author what is wrong with it.
    return { text: code, imports: [] };
  }
  const found: { readonly literal: Literal; readonly target: string }[] = [];
  visit(program, (literal) => {
    const target = typeof literal.value === "string" ? resolve(literal.value) : undefined;
    if (target !== undefined) found.push({ literal, target });
  });
  let text = "";
  let at = 0;
  for (const { literal, target } of found.sort((a, b) => a.literal.start - b.literal.start)) {
    text += code.slice(at, literal.start) + JSON.stringify(target);
    at = literal.end;
  }
  return { text: text + code.slice(at), imports: [...new Set(found.map(({ target }) => target))] };
}

function visit(node: unknown, onSource: (literal: Literal) => void): void {
  if (Array.isArray(node)) for (const item of node) visit(item, onSource);
  if (typeof node !== "object" || node === null || !("type" in node)) return;
  const { type, source } = node as Node;
  if (/^(?:Import|Export)/.test(type) && typeof source === "object" && source !== null && "value" in source) {
    onSource(source as Literal);
  }
  for (const value of Object.values(node)) if (typeof value === "object") visit(value, onSource);
}
