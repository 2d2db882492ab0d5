/** Cells run for real, one after the other in one kernel: what a REPL of TypeScript must do. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type InNode, startInNode } from "./in-node.ts";

let node: InNode;
beforeAll(async () => {
  node = await startInNode();
});
afterAll(() => node.close());

/** Cells in order; the last one's text is compared. Each case has names of its own. */
const CASES: readonly (readonly [name: string, cells: readonly string[], expected: string])[] = [
  ["an expression is shown", ["1 + 1"], "2"],
  ["a trailing semicolon hides it", ["1 + 1;"], ""],
  ["a comment after the expression does not", ["1 + 1 // two"], "2"],
  ["parentheses and comments stay", ["( /* a */ 4 ) /* b */"], "4"],
  ["undefined is not shown", ["undefined"], ""],
  ["null is", ["null"], "null"],
  ["strings are quoted", ["'it\\'s'"], `"it's"`],
  ["an assignment shows its value", ["let as1 = 1", "as1 = 7"], "7"],
  ["types are erased", ["const ty1: Record<string, number> = { a: 1 } satisfies object; ty1!.a as number"], "1"],
  ["casts in angle brackets work", ["const an1 = <number>(<unknown>5); an1"], "5"],
  ["generic arrows work", ["const ge1 = <T,>(x: T): T => x; ge1<string>('g')"], "'g'"],
  [
    "interfaces, types and declare vanish",
    ["interface I1 { a: 1 }\ntype T1 = I1['a']\ndeclare const nothing: T1\n3"],
    "3",
  ],
  ["as const", ["const ac = ['a', 'b'] as const; ac.length"], "2"],
  [
    "overloads",
    ["function ov(a: string): string\nfunction ov(a: number): number\nfunction ov(a: any) { return a }\nov(3)"],
    "3",
  ],
  ["enums", ["enum En { A, B = 'b' }\n[En.A, En[0], En.B]"], "[ 0, 'A', 'b' ]"],
  ["a rerun enum forgets its members", ["enum Er { A, B }", "enum Er { C }", "Object.keys(Er)"], "[ '0', 'C' ]"],
  [
    "abstract classes and parameter properties",
    [
      "abstract class Ab { constructor(private readonly x: number, public y = 2) {} abstract f(): number }\nclass Ac extends Ab { f() { return this.y } }\nnew Ac(1)",
    ],
    "Ac { x: 1, y: 2 }",
  ],
  ["let is seen by later cells", ["let le = 1", "le + 1"], "2"],
  ["let can be declared anew", ["let ln = 1", "let ln = 2", "ln"], "2"],
  ["const can be declared anew", ["const cn = 1", "const cn = 2", "cn"], "2"],
  ["const can become let", ["const cl = 1", "let cl = 2", "cl = 3; cl"], "3"],
  [
    "const cannot be assigned from another cell",
    ["const ca = 1", "ca = 2"],
    "TypeError: Assignment to constant variable.",
  ],
  ["const cannot be assigned in its own cell", ["const cb = 1; cb = 2"], "TypeError: Assignment to constant variable."],
  ["const keeps its value after that", ["const ck = 1", "ck++", "ck"], "1"],
  [
    "imports cannot be assigned",
    ["import { files as im1 } from 'kroma'", "im1 = 1"],
    "TypeError: Assignment to constant variable.",
  ],
  ["a const is not there before its declaration", ["tdz; const tdz = 1"], "ReferenceError: tdz is not defined"],
  [
    "two declarations in one cell are an error",
    ["let tw = 1; let tw = 2"],
    "SyntaxError: Identifier 'tw' has already been declared",
  ],
  [
    "destructuring",
    ["const { da, db: [dc, ...dd], dq = 9, ...de } = { da: 1, db: [2, 3, 4], df: 5 }; [da, dc, dd, dq, de]"],
    "[ 1, 2, [ 3, 4 ], 9, { df: 5 } ]",
  ],
  ["array patterns with holes and defaults", ["const [ha, , hb = 5] = [1, 2]\nha + hb"], "6"],
  [
    "several declarators see one another",
    ["let m1 = 1, m2 = m1 + 1, { length: m3 } = 'abc'\n;[m1, m2, m3]"],
    "[ 1, 2, 3 ]",
  ],
  ["a declaration without a value before brackets", ["let nv\n;[1].map((x) => x)"], "[ 1 ]"],
  ["a declaration without semicolon before brackets", ["let nw\n[5].map((x) => x)[0]"], "5"],
  ["functions are there before their definition", ["const fh = later(); function later() { return 8 }\nfh"], "8"],
  [
    "functions see later redefinitions",
    [
      "function outer1() { return inner1() }\nfunction inner1() { return 1 }",
      "function inner1() { return 2 }",
      "outer1()",
    ],
    "2",
  ],
  ["closures see later values", ["let cv = 1; const see = () => cv", "cv = 5", "see()"], "5"],
  [
    "functions keep their names",
    ["function named1() {}\nconst named2 = () => 1\nclass Named3 {}\n[named1.name, named2.name, Named3.name]"],
    "[ 'named1', 'named2', 'Named3' ]",
  ],
  ["classes are shared", ["class Sh { static n = 1; #p = 2; get p() { return this.#p } }", "new Sh().p + Sh.n"], "3"],
  ["var in a loop head is shared", ["for (var vi = 0; vi < 3; vi++);", "vi"], "3"],
  ["var in a block is shared", ["if (true) { var { vb, vc = 2 } = { vb: 1 } as any }", "vb + vc"], "3"],
  ["var in for-of is shared", ["for (var [vk, vv] of [['a', 1]] as const) {}", "vk + vv"], "'a1'"],
  ["var keeps an earlier value", ["var keep = keep || 7", "var keep = keep || 8; keep"], "7"],
  ["block scopes stay", ["{ let hiddenName = 1; hiddenName }\ntypeof hiddenName"], "'undefined'"],
  ["await at the top", ["const aw = await Promise.resolve(4); aw"], "4"],
  ["a promise as the last value is awaited", ["Promise.resolve('p')"], "'p'"],
  [
    "for await",
    ["async function* gen1() { yield 1; yield 2 }\nlet fa = 0\nfor await (const x of gen1()) fa += x\nfa"],
    "3",
  ],
  [
    "labels",
    [
      "let lb = 0\nouter: for (const a of [1, 2]) { for (const b of [1, 2]) { if (b === 2) continue outer; lb += a } }\nlb",
    ],
    "3",
  ],
  [
    "export is tolerated",
    [
      "export const ex1 = 1\nexport function ex2() { return ex1 }\nexport { ex1 as other }\nexport default class ExD {}",
      "ex2() + typeof ExD",
    ],
    "'1function'",
  ],
  ["export default as the last is shown", ["export default 5"], "5"],
  ["an object alone is an object", ["{ a: 1, b: 2 }"], "{ a: 1, b: 2 }"],
  ["an object as the last statement is an object", ["1;\n{ a: 1 }"], "{ a: 1 }"],
  ["a block stays a block", ["let bl = 1\n{ bl = 2 }\nbl"], "2"],
  [
    "using is disposed at the end of the cell",
    ["globalThis.dis = []; using us = { [Symbol.dispose]() { dis.push('gone') } }\ndis.push('used')", "dis"],
    "[ 'used', 'gone' ]",
  ],
  [
    "await using too",
    ["{ await using u2 = { async [Symbol.asyncDispose]() { dis.push('later') } } }\ndis.at(-1)"],
    "'later'",
  ],
  ["directives do no harm", ["'use strict'\n6"], "6"],
  ["this is undefined", ["this"], ""],
  ["strict mode", ["undeclared9 = 1"], "ReferenceError: undeclared9 is not defined"],
  [
    "names of the language can be taken",
    ["const URL = 'http://x'\nclass Map {}", "[URL, new Map().constructor === Map, new Set([1]).size]"],
    "[ 'http://x', true, 1 ]",
  ],
  ["and the kernel goes on", ["import { files as stillWorks } from 'kroma'; typeof stillWorks.list"], "'function'"],
  [
    "attributes of the scope can be taken",
    ["const name = 'bob', status = 1, close = 2", "name + status + close"],
    "'bob12'",
  ],
  [
    "closures see taken names",
    ["const Reflect = 1; const seeTaken = () => Reflect", "const Reflect = 2", "seeTaken()"],
    "2",
  ],
  [
    "decorators are refused clearly",
    ["@dec class De {}"],
    "SyntaxError: Decorators are not supported by JavaScript engines yet",
  ],
  [
    "namespaces nest, and keep to themselves what they don't export",
    [
      "namespace Na {\n  export const a = 2\n  const hidden = 3\n  export function f() { return a * hidden }\n  export namespace In { export const z = f() }\n}",
      "[Na.f(), Na.In.z, Object.keys(Na)]",
    ],
    "[ 6, 6, [ 'f', 'a', 'In' ] ]",
  ],
  [
    "namespaces with dots, live exports, enums and classes",
    [
      "export namespace Nb.Deep {\n  export let n = 1\n  export const up = () => ++n\n  export enum E { A = 'e' }\n  export class K { v = n }\n}",
      "Nb.Deep.up(); [Nb.Deep.n, Nb.Deep.E.A, new Nb.Deep.K().v]",
    ],
    "[ 2, 'e', 2 ]",
  ],
  [
    "namespaces merge with each other and with a class, and start anew in a rerun",
    [
      "class Nc { more() { return Nc.extra } }\nnamespace Nc { export const extra = 5 }\nnamespace Nc { export const other = 6 }\n[new Nc().more(), Nc.other]",
      "namespace Nd { export const one = 1 }",
      "namespace Nd { export const two = 2 }\nObject.keys(Nd)",
    ],
    "[ 'two' ]",
  ],
  ["namespaces of types leave nothing behind", ["namespace Ne { export interface A { a: 1 } }\n4"], "4"],
  ["not in a string", ["`\nnamespace Na {\n`.length"], "16"],
  ["a display as the last expression is not shown twice", ["display(1)"], ""],
  ["a display's handle can be kept", ["const dh = display(1)\ntypeof dh.update"], "'function'"],
  ["dynamic import", ["(await import('kroma')).default === kroma"], "true"],
  ["import.meta", ["import.meta.url"], "'file:///workspace/'"],
  [
    "TSX makes elements",
    ["const who = 'a & b'; (<p className='x' data-n={1}>Hello <b>{who}</b>{[1, 2]}{false}</p>).outerHTML"],
    `'<p data-n="1" class="x">Hello <b>a &amp; b</b>12</p>'`,
  ],
  [
    "components and fragments",
    [
      "const Item = ({ n, children }: any) => <li>{n}{children}</li>\n;(<ul><><Item n={1} /><Item n={2}>x</Item></></ul>).outerHTML",
    ],
    "'<ul><li>1</li><li>2x</li></ul>'",
  ],
  [
    "JSX's svg",
    ["(<svg viewBox='0 0 1 1'><circle strokeWidth={2} r='1' /></svg>).outerHTML"],
    `'<svg viewBox="0 0 1 1"><circle r="1" stroke-width="2" /></svg>'`,
  ],
  ["templates escape", ["html`<i>${'<x>'}${html`<b>`}</i>`.text"], "'<i>&#60;x&#62;<b></i>'"],
  [
    "Node is not there",
    ["[typeof process, typeof Buffer, typeof require, typeof global, typeof setImmediate]"],
    "[ 'undefined', 'undefined', 'undefined', 'undefined', 'undefined' ]",
  ],
  ["document is not there unasked", ["typeof globalThis['docu' + 'ment'] !== 'string'"], "true"],
  ["an empty cell", [""], ""],
  ["a cell with nothing but a comment", ["// nothing"], ""],
  ["CRLF line ends", ["let cr = 1\r\ncr + 1\r\n"], "2"],
  ["a regular expression with a closing tag look", ["'a</b>'.replace(/<\\/b>/, '')"], "'a'"],
  ["less-than and generics beside strings of tags", ["const tg = <T,>(x: T) => x; tg('<a/>')"], "'<a/>'"],
];

test.each(CASES)("%s", async (_name, cells, expected) => {
  let shown = "";
  for (const cell of cells) shown = await node.kernel.show(cell);
  expect(shown).toBe(expected);
});
