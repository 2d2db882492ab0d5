/**
 * TypeScript's namespaces. Sucrase removes them whole; it keeps labelled blocks. So a namespace becomes a labelled block
 * before its types are stripped, and the labelled block becomes a function after that. Lines stay where they are.
 */
import { parse, type BlockStatement, type Program } from "acorn";
import MagicString from "magic-string";
import { boundNames, walk } from "./tree.ts";

const LABEL = "__kroma_namespace_";
const EXPORTED = "__kroma_exported_namespace_";
const HEADER = /(^|[;{}])([ \t]*)(export[ \t]+)?((?:namespace|module)[ \t]+([\w$]+(?:[ \t]*\.[ \t]*[\w$]+)*)(\s*)\{)/gm;

/** Makes labelled blocks of the namespaces in a source; `stripped` is what sucrase makes of it as it is. */
export function labelNamespaces(source: string, stripped: string): string | undefined {
  let found = false;
  const labelled = source.replace(
    HEADER,
    (whole, before: string, space: string, exported: string | undefined, header: string, path: string, gap: string) => {
      if (stripped.includes(header)) return whole; // it stands in a string
      found = true;
      const lines = "\n".repeat(gap.split("\n").length - 1);
      return `${before}${space}${exported ? EXPORTED : LABEL}${path.replace(/[ \t]/g, "").replaceAll(".", "$$$$")}:${lines}{`;
    },
  );
  return found ? labelled : undefined;
}

/** Makes functions of the labelled blocks, filling one object for each namespace. */
export function namespacesAsFunctions(code: string): string {
  const program = parse(code, {
    ecmaVersion: "latest",
    sourceType: "module",
    allowHashBang: true,
    allowImportExportEverywhere: true,
  });
  const text = new MagicString(code);
  rewriteIn(program, undefined, text, code);
  return text.toString();
}

/** Rewrites the namespaces that stand directly in a program or in a namespace's block. */
function rewriteIn(scope: Program | BlockStatement, owner: string | undefined, text: MagicString, code: string): void {
  const declared = new Set<string>();
  for (const node of scope.body) {
    const declaration = node.type === "ExportNamedDeclaration" ? node.declaration : node;
    if (declaration?.type === "ClassDeclaration" || declaration?.type === "FunctionDeclaration")
      declared.add(declaration.id?.name ?? "");
    if (declaration?.type === "VariableDeclaration")
      for (const { id } of declaration.declarations) for (const name of boundNames(id)) declared.add(name);
  }
  for (const node of scope.body) {
    if (node.type !== "LabeledStatement" || node.body.type !== "BlockStatement") continue;
    const isExported = node.label.name.startsWith(EXPORTED);
    if (!isExported && !node.label.name.startsWith(LABEL)) continue;
    const path = node.label.name.slice((isExported ? EXPORTED : LABEL).length).split("$$");
    const [first, ...rest] = path as [string, ...string[]];
    const shared = isExported && owner !== undefined ? `${owner}.${first}` : undefined;
    let head = "";
    if (!declared.has(first)) {
      const isTop = scope.type === "Program";
      head = `${isTop && isExported ? "export " : ""}var ${first}=${shared === undefined ? "{}" : `${shared}??={}`};`;
      declared.add(first);
    } else if (shared !== undefined) head = `${shared}=${first};`;
    const opened = path.map((name) => `(function(${name}){`).join("");
    // Innermost first: `A.B` is filled inside of the function that has A.
    const closed = [...rest.entries()].toReversed().map(([at, name]) => `})(${path[at]}.${name}??={})`);
    const { body } = node;
    const lines = "\n".repeat(code.slice(node.start, body.start).split("\n").length - 1);
    text.overwrite(node.start, body.start + 1, `${head}${lines}${opened}${exportsOf(body, path.at(-1)!, text)}`);
    text.overwrite(body.end - 1, body.end, `${closed.join(";")}${closed.length > 0 ? ";" : ""}})(${first});`);
    rewriteIn(body, path.at(-1)!, text, code);
  }
}

/** Takes the block's exports out; gives what puts them on the namespace's object before the block runs. */
function exportsOf(block: BlockStatement, namespace: string, text: MagicString): string {
  let early = "";
  const live = (name: string, shown = name) =>
    `Object.defineProperty(${namespace},${JSON.stringify(shown)},{get:()=>${name},set(v){${name}=v},enumerable:true,configurable:true});`;
  walk(block, (node) => {
    if (node !== block && /Function|Class|BlockStatement/.test(node.type)) return false;
    if ((node as { type: string }).type !== "ExportNamedDeclaration") return true;
    const exported = node as Extract<typeof node, { type: "ExportNamedDeclaration" }>;
    const { declaration } = exported;
    if (!declaration) {
      for (const { local, exported: shown } of exported.specifiers)
        if (local.type === "Identifier" && shown.type === "Identifier") early += live(local.name, shown.name);
      text.overwrite(exported.start, exported.end, ";");
      return false;
    }
    text.remove(exported.start, declaration.start);
    if (declaration.type === "FunctionDeclaration")
      early += `${namespace}.${declaration.id.name}=${declaration.id.name};`;
    else if (declaration.type === "ClassDeclaration")
      text.appendLeft(declaration.end, `;${namespace}.${declaration.id.name}=${declaration.id.name};`);
    else {
      const names = declaration.declarations.flatMap(({ id }) => boundNames(id));
      if (declaration.kind === "const")
        text.appendLeft(declaration.end, `;${names.map((name) => `${namespace}.${name}=${name};`).join("")}`);
      else early += names.map((name) => live(name)).join("");
    }
    return false;
  });
  return early;
}
