/**
 * Finds where a module speaks of names that it imports, scopes respected: each such place is rewritten to read the
 * other module's present value. Assumes a tree that acorn has accepted as a module (strict mode).
 */
import type { AnyNode, Program } from "acorn";
import { boundNames, isNode } from "./tree.ts";

/** One place where a name is used. */
export interface Reference {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** `shorthand`: `{name}` must become `{name: …}`; `call`: must not pass a `this`. */
  readonly kind: "plain" | "shorthand" | "call";
}

type Scope = ReadonlySet<string>;

/** Every use of one of `names`, which the module binds at its top by imports. */
export function findReferences(program: Program, names: ReadonlySet<string>): readonly Reference[] {
  const found: Reference[] = [];
  const scopes: Scope[] = [];
  const hidden = (name: string) => scopes.some((scope) => scope.has(name));

  const use = (name: string, start: number, end: number, kind: Reference["kind"]) => {
    if (names.has(name) && !hidden(name)) found.push({ name, start, end, kind });
  };
  const inScope = (bound: Iterable<string>, work: () => void) => {
    const scope = new Set<string>();
    for (const name of bound) if (names.has(name)) scope.add(name);
    if (scope.size === 0) return work();
    scopes.push(scope);
    work();
    scopes.pop();
  };
  const each = (nodes: readonly (AnyNode | null | undefined)[]) => {
    for (const node of nodes) if (node) visit(node);
  };

  const functionLike = (node: AnyNode & { params: readonly AnyNode[]; body: AnyNode }, own: readonly string[]) => {
    const bound = [
      ...own,
      ...node.params.flatMap((parameter) => boundNames(parameter as Parameters<typeof boundNames>[0])),
      ...variablesIn(node.body),
    ];
    inScope(bound, () => {
      each(node.params);
      visit(node.body);
    });
  };

  const visit = (node: AnyNode): void => {
    switch (node.type) {
      case "Identifier":
        return use(node.name, node.start, node.end, "plain");
      case "MemberExpression":
        visit(node.object);
        if (node.computed) visit(node.property);
        return;
      case "CallExpression":
        if (node.callee.type === "Identifier") use(node.callee.name, node.callee.start, node.callee.end, "call");
        else visit(node.callee);
        return each(node.arguments);
      case "TaggedTemplateExpression":
        if (node.tag.type === "Identifier") use(node.tag.name, node.tag.start, node.tag.end, "call");
        else visit(node.tag);
        return visit(node.quasi);
      case "Property":
        if (node.computed) visit(node.key);
        if (node.shorthand && node.value.type === "Identifier")
          return use(node.value.name, node.start, node.end, "shorthand");
        return visit(node.value);
      case "MethodDefinition":
      case "PropertyDefinition":
        if (node.computed) visit(node.key);
        if (node.value) visit(node.value);
        return;
      case "FunctionDeclaration":
      case "FunctionExpression":
        return functionLike(
          node,
          node.type === "FunctionExpression" && node.id ? [node.id.name, "arguments"] : ["arguments"],
        );
      case "ArrowFunctionExpression":
        return functionLike(node, []);
      case "ClassDeclaration":
        if (node.superClass) visit(node.superClass);
        return visit(node.body);
      case "ClassExpression":
        return inScope(node.id ? [node.id.name] : [], () => {
          if (node.superClass) visit(node.superClass);
          visit(node.body);
        });
      case "BlockStatement":
      case "StaticBlock":
        return inScope([...lexicalIn(node.body), ...(node.type === "StaticBlock" ? variablesIn(node) : [])], () =>
          each(node.body),
        );
      case "SwitchStatement":
        visit(node.discriminant);
        return inScope(lexicalIn(node.cases.flatMap((part) => part.consequent)), () => {
          for (const part of node.cases) each([part.test, ...part.consequent]);
        });
      case "ForStatement":
        return inScope(node.init ? lexicalIn([node.init]) : [], () =>
          each([node.init, node.test, node.update, node.body]),
        );
      case "ForInStatement":
      case "ForOfStatement":
        return inScope(lexicalIn([node.left]), () => each([node.left, node.right, node.body]));
      case "CatchClause":
        return inScope(boundNames(node.param), () => each([node.param, node.body]));
      case "LabeledStatement":
        return visit(node.body);
      case "BreakStatement":
      case "ContinueStatement":
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "MetaProperty":
        return;
      case "ExportNamedDeclaration":
        if (node.declaration) visit(node.declaration);
        return; // its specifiers are rewritten with the exports
      default:
        for (const child of Object.values(node) as unknown[]) {
          if (Array.isArray(child)) each(child.filter(isNode));
          else if (isNode(child)) visit(child);
        }
    }
  };
  each(program.body);
  return found;
}

/** Names that `let`, `const`, `class`, `using` and functions bind among these statements. */
function lexicalIn(statements: readonly AnyNode[]): string[] {
  const names: string[] = [];
  for (const node of statements) {
    if (node.type === "VariableDeclaration" && node.kind !== "var")
      for (const { id } of node.declarations) boundNames(id, names);
    if ((node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") && node.id) names.push(node.id.name);
  }
  return names;
}

/** Names that `var` binds anywhere in a function's body. */
function variablesIn(body: AnyNode): string[] {
  const names: string[] = [];
  const visit = (node: AnyNode): void => {
    if (node.type === "VariableDeclaration" && node.kind === "var")
      for (const { id } of node.declarations) boundNames(id, names);
    if (/Expression$|^Function|^Class|^Identifier$|^Literal$/.test(node.type)) return;
    for (const child of Object.values(node) as unknown[]) {
      if (Array.isArray(child)) {
        for (const item of child) if (isNode(item)) visit(item);
      } else if (isNode(child)) visit(child);
    }
  };
  if (/Statement$|^StaticBlock$/.test(body.type)) visit(body);
  return names;
}
