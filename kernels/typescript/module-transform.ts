/**
 * An ECMAScript module as a generator function, for a linker of our own (modules.ts): workers have no import map that
 * can grow, Node imports no blob: URLs, and a module of the workspace changes while its name stays. One way for both,
 * with what modules promise: live bindings, cycles, functions that are there before their module has run, await.
 *
 * The function runs to its first `yield` when it is linked (functions exist, exports can be read), then to its end when
 * it is evaluated. Lines stay where they are.
 */
import type { AnyNode, ImportDeclaration, Program } from "acorn";
import MagicString from "magic-string";
import { findReferences } from "./references.ts";
import { parseSource } from "./source.ts";
import { importAttributes } from "./transform.ts";
import { boundNames, walk } from "./tree.ts";

/** A static import of a module. */
export interface ModuleImport {
  readonly specifier: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface ModuleCode {
  /** An expression: a (possibly async) generator function of `__kroma`. */
  readonly code: string;
  readonly imports: readonly ModuleImport[];
  /** Indices into `imports` of `export * from`. */
  readonly stars: readonly number[];
  /** Names that import statements take from `imports[index]`. */
  readonly wanted: readonly { readonly index: number; readonly name: string }[];
  readonly isAsync: boolean;
  /** True when the code speaks of `document` or `window`. */
  readonly wantsDocument: boolean;
}

/** Whether a source reaches for a page's objects; cells and modules are given them only then. */
export function speaksOfDocument(source: string): boolean {
  return /(?<![\w$."'`-])(?:document|window|DOMParser|XMLSerializer|HTMLElement|SVGElement|customElements)(?![\w$"'`])/.test(
    source,
  );
}

function hasAwait(program: Program): boolean {
  let found = false;
  walk(program, (node) => {
    if (found || /Function/.test(node.type)) return false;
    if (node.type === "AwaitExpression" || (node.type === "ForOfStatement" && node.await)) found = true;
    if (node.type === "VariableDeclaration" && node.kind === "await using") found = true;
    return true;
  });
  return found;
}

class ModuleRewriter {
  readonly #code: string;
  readonly #program: Program;
  readonly #text: MagicString;
  readonly #imports: ModuleImport[] = [];
  readonly #stars: number[] = [];
  readonly #wanted: { index: number; name: string }[] = [];
  /** What an imported name is called in the rewritten code. */
  readonly #renamed = new Map<string, string>();
  /** Exported name to the expression that reads it. */
  readonly #exports = new Map<string, string>();

  constructor(source: string, typescript: boolean) {
    const parsed = parseSource(source, { typescript, keepImports: false });
    this.#code = parsed.code;
    this.#program = parsed.program;
    this.#text = new MagicString(parsed.code);
  }

  run(): ModuleCode {
    for (const node of this.#program.body) if (node.type === "ImportDeclaration") this.#import(node);
    for (const node of this.#program.body) this.#statement(node);
    for (const { name, start, end, kind } of findReferences(this.#program, new Set(this.#renamed.keys()))) {
      const expression = this.#renamed.get(name)!;
      this.#text.overwrite(
        start,
        end,
        kind === "plain" ? expression : kind === "call" ? `(0,${expression})` : `${name}:${expression}`,
      );
    }
    walk(this.#program, (node) => {
      if (node.type === "ImportExpression")
        this.#text.overwrite(node.start, node.start + "import".length, "__kroma.import");
      else if (node.type === "MetaProperty" && node.meta.name === "import")
        this.#text.overwrite(node.start, node.end, "__kroma.meta");
    });
    const isAsync = hasAwait(this.#program);
    const getters = [...this.#exports]
      .map(([name, expression]) => `${JSON.stringify(name)}:()=>${expression}`)
      .join(",");
    const head = `${isAsync ? "async " : ""}function*(__kroma){"use strict";const __m=__kroma.modules;__kroma.exports({${getters}});yield;`;
    return {
      code: `${head}${this.#text.toString().replace(/^#!/, "//")}\n}`,
      imports: this.#imports,
      stars: this.#stars,
      wanted: this.#wanted,
      isAsync,
      wantsDocument: speaksOfDocument(this.#code),
    };
  }

  #request(node: {
    readonly source?: ImportDeclaration["source"] | null;
    readonly attributes?: ImportDeclaration["attributes"];
  }): number {
    this.#imports.push({ specifier: String(node.source?.value), attributes: importAttributes(node) });
    return this.#imports.length - 1;
  }

  #blank(start: number, end: number): void {
    if (end > start)
      this.#text.overwrite(start, end, `;${"\n".repeat(this.#code.slice(start, end).split("\n").length - 1)}`);
  }

  #import(node: ImportDeclaration): void {
    const index = this.#request(node);
    for (const item of node.specifiers) {
      const key =
        item.type === "ImportDefaultSpecifier"
          ? "default"
          : item.type === "ImportSpecifier"
            ? moduleName(item.imported)
            : undefined;
      if (key !== undefined) this.#wanted.push({ index, name: key });
      this.#renamed.set(item.local.name, key === undefined ? `__m[${index}]` : `__m[${index}][${JSON.stringify(key)}]`);
    }
    this.#blank(node.start, node.end);
  }

  #statement(node: AnyNode): void {
    if (node.type === "ExportAllDeclaration") {
      const index = this.#request(node);
      if (node.exported) this.#exports.set(moduleName(node.exported), `__m[${index}]`);
      else this.#stars.push(index);
      this.#blank(node.start, node.end);
    } else if (node.type === "ExportNamedDeclaration" && node.declaration) {
      const declared = node.declaration;
      const names =
        declared.type === "VariableDeclaration"
          ? declared.declarations.flatMap(({ id }) => boundNames(id))
          : [declared.id.name];
      for (const name of names) this.#exports.set(name, name);
      this.#blank(node.start, declared.start);
    } else if (node.type === "ExportNamedDeclaration") {
      const index = node.source ? this.#request(node) : undefined;
      for (const { local, exported } of node.specifiers) {
        const name = moduleName(local);
        this.#exports.set(
          moduleName(exported),
          index === undefined ? (this.#renamed.get(name) ?? name) : `__m[${index}][${JSON.stringify(name)}]`,
        );
      }
      this.#blank(node.start, node.end);
    } else if (node.type === "ExportDefaultDeclaration") this.#default(node.start, node.declaration);
  }

  #default(start: number, value: AnyNode): void {
    if ((value.type === "FunctionDeclaration" || value.type === "ClassDeclaration") && value.id) {
      this.#exports.set("default", value.id.name);
      this.#blank(start, value.start);
      return;
    }
    this.#exports.set("default", "__default");
    if (value.type === "FunctionDeclaration") {
      // It must be hoisted, so it needs a name; where its parenthesis opens is where the name goes.
      this.#blank(start, value.start);
      const open = value.start + /^(?:async\s+)?function\s*\*?/.exec(this.#code.slice(value.start))![0].length;
      this.#text.appendLeft(open, " __default");
      return;
    }
    const lines = "\n".repeat(this.#code.slice(start, value.start).split("\n").length - 1);
    this.#text.overwrite(start, value.start, `;const __default=${lines}`);
  }
}

function moduleName(node: { readonly type: string; readonly name?: string; readonly value?: unknown }): string {
  return node.type === "Identifier" ? String(node.name) : String(node.value);
}

/** Rewrites a module. Throws a SourceError where it cannot be parsed. */
export function transformModule(source: string, typescript: boolean): ModuleCode {
  return new ModuleRewriter(source.replaceAll("\r\n", "\n"), typescript).run();
}
