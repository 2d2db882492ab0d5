/**
 * One cell as a function that a REPL can call again and again: declarations at the top become properties of the global
 * object, so that other cells see them and closures see later redefinitions; the last expression is returned; imports
 * are awaited first. Lines stay where they are: all that is added stands on the first line or replaces text in place.
 *
 * The function's one parameter, `__kroma`, is a `CellScope` (scope.ts) plus the importer.
 */
import type { AnyNode, ImportDeclaration, Pattern, Program, VariableDeclaration } from "acorn";
import MagicString from "magic-string";
import { parseSource, type Parsed } from "./source.ts";
import { boundNames, walk } from "./tree.ts";

/** One static import: what is asked for and where the cell says so. */
export interface CellImport {
  readonly specifier: string;
  /** 1-based line of the statement. */
  readonly line: number;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface CellCode {
  /** An expression: an async function of `__kroma`. */
  readonly code: string;
  readonly imports: readonly CellImport[];
  /** The names that the cell gives to all cells. */
  readonly names: readonly string[];
}

/** Import attributes (`with { type: "json" }`) as a record. */
export function importAttributes(node: {
  readonly attributes?: ImportDeclaration["attributes"];
}): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const attribute of node.attributes ?? []) {
    const key = attribute.key.type === "Identifier" ? attribute.key.name : String(attribute.key.value);
    attributes[key] = String(attribute.value.value);
  }
  return attributes;
}

/** `{a: 1, b}` typed alone is an object to its author, a block to the language: as in browsers' consoles, it is an object. */
function objectCell(source: string): Parsed | undefined {
  const text = source.trim();
  if (!text.startsWith("{") || !text.endsWith("}")) return undefined;
  try {
    const start = source.indexOf("{");
    const parsed = parseSource(`${source.slice(0, start)}(${source.slice(start)}\n)`, {
      typescript: true,
      keepImports: true,
    });
    const only = parsed.program.body[0];
    const isObject =
      parsed.program.body.length === 1 &&
      only?.type === "ExpressionStatement" &&
      only.expression.type === "ObjectExpression";
    return isObject ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** `{a: 1}` as the last of several statements: a block with nothing but a label and a plain value. */
function isObjectLike(node: AnyNode, code: string): boolean {
  if (node.type !== "BlockStatement" || node.body.length !== 1) return false;
  const label = node.body[0]!;
  if (label.type !== "LabeledStatement" || label.body.type !== "ExpressionStatement") return false;
  return code[label.body.end - 1] !== ";" && label.body.expression.type !== "AssignmentExpression";
}

class Rewriter {
  readonly text: MagicString;
  readonly names = new Set<string>();
  readonly variables = new Set<string>();
  readonly imports: CellImport[] = [];
  hoisted = "";
  bindings = "";
  readonly #code: string;
  readonly #program: Program;

  constructor(parsed: Parsed) {
    this.#code = parsed.code;
    this.#program = parsed.program;
    this.text = new MagicString(parsed.code);
  }

  run(): CellCode {
    const last = this.#program.body.findLast((node) => node.type !== "EmptyStatement");
    const shown = last !== undefined && this.#program.body.at(-1) === last ? last : undefined;
    for (const node of this.#program.body) this.#statement(node, node === shown);
    this.#nestedVariables();
    this.#importCalls();
    const declare = [...this.variables].map((name) => `__kroma.variable(${JSON.stringify(name)});`).join("");
    const load = this.imports.length === 0 ? "" : `const __modules=await __kroma.imports();${this.bindings}`;
    const code = `async function(__kroma){"use strict";${declare}${this.hoisted}${load}${this.text.toString()}\n}`;
    return { code, imports: this.imports, names: [...this.names] };
  }

  #lineOf(offset: number): number {
    return this.#code.slice(0, offset).split("\n").length;
  }

  /** Empties a stretch but for its line breaks. */
  #blank(start: number, end: number, instead = ""): void {
    if (end > start)
      this.text.overwrite(start, end, instead + "\n".repeat(this.#code.slice(start, end).split("\n").length - 1));
  }

  #statement(node: AnyNode, isLast: boolean): void {
    switch (node.type) {
      case "ExpressionStatement":
        if (isLast && this.#code[node.end - 1] !== ";")
          this.#result(node.expression.start, node.expression.end, node.start);
        break;
      case "BlockStatement":
        if (isLast && isObjectLike(node, this.#code)) this.#result(node.start, node.end, node.start);
        break;
      case "VariableDeclaration":
        this.#declaration(node);
        break;
      case "FunctionDeclaration":
        this.#function(node.id!.name, node.id!.start, node.id!.end);
        break;
      case "ClassDeclaration":
        this.names.add(node.id!.name);
        this.text.appendLeft(node.start, `;__kroma.let.${node.id!.name}=`);
        this.text.appendLeft(node.end, ";");
        break;
      case "ImportDeclaration":
        this.#import(node);
        break;
      case "ExportNamedDeclaration":
        if (node.declaration) {
          this.#blank(node.start, node.declaration.start);
          this.#statement(node.declaration, false);
        } else {
          if (node.source)
            this.imports.push({
              specifier: String(node.source.value),
              line: this.#lineOf(node.start),
              attributes: importAttributes(node),
            });
          this.#blank(node.start, node.end, ";");
        }
        break;
      case "ExportAllDeclaration":
        this.imports.push({
          specifier: String(node.source.value),
          line: this.#lineOf(node.start),
          attributes: importAttributes(node),
        });
        this.#blank(node.start, node.end, ";");
        break;
      case "ExportDefaultDeclaration": {
        const value = node.declaration;
        this.#blank(node.start, value.start, ";");
        if ((value.type === "FunctionDeclaration" || value.type === "ClassDeclaration") && value.id)
          this.#statement(value as AnyNode, false);
        else if (isLast) this.#result(value.start, value.end, value.start);
        else {
          this.text.appendLeft(value.start, "(");
          this.text.appendLeft(value.end, ")");
        }
        break;
      }
    }
  }

  #result(start: number, end: number, statement: number): void {
    // Comments may stand between a parenthesis that sucrase kept and the expression: open at the statement's own start.
    this.text.appendLeft(statement, ";return (");
    this.text.appendLeft(statement === start ? end : Math.max(end, this.#closing(statement, end)), ")");
  }

  /** Where the statement's text ends when its expression stands in parentheses. */
  #closing(statement: number, end: number): number {
    const node = this.#program.body.find((candidate) => candidate.start === statement);
    return node ? node.end : end;
  }

  #function(name: string, start: number, end: number): void {
    this.names.add(name);
    this.text.overwrite(start, end, `__kroma_${name}`);
    this.hoisted += `__kroma.let.${name}=__kroma.named(__kroma_${name},${JSON.stringify(name)});`;
  }

  #declaration(node: VariableDeclaration): void {
    // `using` ends with the cell: it stays a local of it.
    if (node.kind === "using" || node.kind === "await using") return;
    const owner = node.kind === "var" ? "" : `__kroma.${node.kind}.`;
    const bound: string[] = [];
    for (const declarator of node.declarations) boundNames(declarator.id, bound);
    for (const name of bound) {
      this.names.add(name);
      if (node.kind === "var") this.variables.add(name);
    }
    const first = node.declarations[0]!;
    this.#blank(node.start, first.start, ";");
    if (this.#isEnum(node)) this.text.appendLeft(first.start, `${owner}${bound[0]}=void 0,`);
    for (const { id, init, end } of node.declarations) {
      if (id.type !== "Identifier") {
        this.text.appendLeft(id.start, "(");
        this.#targets(id, owner);
        this.text.appendLeft(end, ")");
      } else if (init) {
        this.text.appendLeft(id.start, owner);
        this.#keepName(id.name, init, owner);
      } else this.text.overwrite(id.start, id.end, owner === "" ? "void 0" : `${owner}${id.name}=void 0`);
    }
    this.text.appendLeft(node.declarations.at(-1)!.end, ";");
  }

  /** An enum of sucrase's: a rerun must not keep members of the run before. */
  #isEnum(node: VariableDeclaration): boolean {
    const name = node.declarations[0]!.id;
    return (
      node.kind === "var" &&
      name.type === "Identifier" &&
      !node.declarations[0]!.init &&
      this.#code.slice(node.end).startsWith(` (function (${name.name}) {`)
    );
  }

  /** `const f = () => …` names its function f; an assignment to a property would not. */
  #keepName(name: string, init: AnyNode, owner: string): void {
    const isAnonymous =
      init.type === "ArrowFunctionExpression" ||
      ((init.type === "FunctionExpression" || init.type === "ClassExpression") && !init.id);
    if (!isAnonymous || owner === "") return;
    this.text.appendLeft(init.start, `({${name}:`);
    this.text.appendLeft(init.end, `}).${name}`);
  }

  /** Turns the names that a pattern binds into properties of their owner. */
  #targets(pattern: Pattern | null, owner: string): void {
    switch (pattern?.type) {
      case "Identifier":
        this.text.appendLeft(pattern.start, owner);
        break;
      case "ObjectPattern":
        for (const property of pattern.properties) {
          if (property.type === "RestElement") this.#targets(property.argument, owner);
          else if (property.shorthand)
            this.text.appendLeft(property.start, `${boundNames(property.value)[0]}:${owner}`);
          else this.#targets(property.value, owner);
        }
        break;
      case "ArrayPattern":
        for (const element of pattern.elements) this.#targets(element, owner);
        break;
      case "AssignmentPattern":
        this.#targets(pattern.left, owner);
        break;
      case "RestElement":
        this.#targets(pattern.argument, owner);
        break;
    }
  }

  #import(node: ImportDeclaration): void {
    const index = this.imports.length;
    this.imports.push({
      specifier: String(node.source.value),
      line: this.#lineOf(node.start),
      attributes: importAttributes(node),
    });
    for (const item of node.specifiers) {
      const local = item.local.name;
      this.names.add(local);
      if (item.type === "ImportNamespaceSpecifier") {
        this.bindings += `__kroma.const.${local}=__modules[${index}];`;
        continue;
      }
      const name =
        item.type === "ImportDefaultSpecifier"
          ? "default"
          : item.imported.type === "Identifier"
            ? item.imported.name
            : String(item.imported.value);
      this.bindings += `__kroma.const.${local}=__kroma.pick(__modules[${index}],${JSON.stringify(name)},${index},${this.#isUsed(local, node)});`;
    }
    this.#blank(node.start, node.end, ";");
  }

  /** Whether the code, types gone, still speaks of the name: an import of a type does not, and its module lacks it. */
  #isUsed(name: string, statement: ImportDeclaration): boolean {
    const rest = this.#code.slice(0, statement.start) + this.#code.slice(statement.end);
    return new RegExp(`(?<![\\w$.])${name.replaceAll("$", "\\$")}(?![\\w$])`).test(rest);
  }

  /** `var` in blocks and loop heads belongs to the cell, and so to all cells. */
  #nestedVariables(): void {
    const top = new Set<AnyNode>();
    for (const node of this.#program.body) {
      top.add(node);
      if (node.type === "ExportNamedDeclaration" && node.declaration) top.add(node.declaration);
    }
    const heads = new Set<AnyNode>();
    walk(this.#program, (node) => {
      if (/Function/.test(node.type) || node.type === "StaticBlock" || node.type === "PropertyDefinition") return false;
      if (node.type === "ForInStatement" || node.type === "ForOfStatement") heads.add(node.left);
      if (node.type === "ForStatement" && node.init) heads.add(node.init);
      if (node.type !== "VariableDeclaration" || node.kind !== "var" || top.has(node)) return true;
      this.#nestedVariable(node, heads.has(node));
      return true;
    });
  }

  #nestedVariable(node: VariableDeclaration, inHead: boolean): void {
    for (const { id } of node.declarations) {
      for (const name of boundNames(id)) {
        this.names.add(name);
        this.variables.add(name);
      }
    }
    this.#blank(node.start, node.declarations[0]!.start, inHead ? "" : ";");
    for (const { id, init, end } of node.declarations) {
      if (init && id.type !== "Identifier") {
        this.text.appendLeft(id.start, "(");
        this.text.appendLeft(end, ")");
      } else if (!init && !inHead) this.text.overwrite(id.start, id.end, "void 0");
    }
    if (!inHead) this.text.appendLeft(node.declarations.at(-1)!.end, ";");
  }

  #importCalls(): void {
    if (!this.#code.includes("import")) return;
    walk(this.#program, (node) => {
      if (node.type === "ImportExpression")
        this.text.overwrite(node.start, node.start + "import".length, "__kroma.import");
      else if (node.type === "MetaProperty" && node.meta.name === "import")
        this.text.overwrite(node.start, node.end, "__kroma.meta");
    });
  }
}

/** Rewrites a cell. Throws a SourceError where it is no TypeScript. */
export function transformCell(source: string): CellCode {
  const text = source.replaceAll("\r\n", "\n");
  return new Rewriter(objectCell(text) ?? parseSource(text, { typescript: true, keepImports: true })).run();
}
