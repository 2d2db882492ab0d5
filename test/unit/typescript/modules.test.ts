/** Modules: files of the workspace, mirrors, CDNs and URLs, over a real loopback server and a real folder. */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportedFile, parsePackage, satisfies } from "#kernels/typescript/packages.ts";
import { type InNode, startInNode } from "./in-node.ts";

/** What the server holds: a mirror of packages, a CDN in esm.sh's manner, and single modules. */
const FILES: Readonly<Record<string, string>> = {
  "/mirror/leaf@1.2.3/package.json": JSON.stringify({
    name: "leaf",
    version: "1.2.3",
    type: "module",
    exports: { ".": { import: "./lib/main.js" }, "./deep": "./lib/deep.js" },
  }),
  "/mirror/leaf@1.2.3/lib/main.js":
    "import { deep } from './deep.js'\nexport { deep }\nexport default function leaf() { return 'leaf of ' + deep }\n",
  "/mirror/leaf@1.2.3/lib/deep.js": "export const deep = 'deep'\n",
  "/mirror/plain.js": "export const plain = 'plain'\n",
  "/mirror/@scope/tool/package.json": JSON.stringify({ version: "2.0.1", module: "tool.mjs" }),
  "/mirror/@scope/tool/tool.mjs": "import { plain } from 'plain'\nexport const tool = plain + ' tool'\n",
  "/mirror/old.js": "const x = require('x')\nmodule.exports = { x }\n",
  "/cdn/pack@1.0.0":
    "export * from '/cdn/v1/pack@1.0.0/pack.mjs';\nexport { default } from '/cdn/v1/pack@1.0.0/pack.mjs';\n",
  "/cdn/v1/pack@1.0.0/pack.mjs":
    "import { part } from '../part@3.1.0/part.mjs';\nexport const named = part + 1;\nexport default function () { return 'default ' + named }\n",
  "/cdn/v1/part@3.1.0/part.mjs": "export const part = 41;\n",
  "/cycle/a.js":
    "import { b, callB } from './b.js'\nexport function a() { return 'a' }\nexport const both = () => callB() + b\nexport let early = typeof a\n",
  "/cycle/b.js":
    "import { a, early } from './a.js'\nexport const b = 'b'\nexport const callB = () => a()\nexport const hoisted = a()\nexport const late = () => early\n",
  "/await.js": "const wait = await new Promise((r) => setTimeout(() => r('waited'), 5))\nexport default wait\n",
  "/broken.js": "export const fine = 1\nexport const = 2\n",
  "/shadow.js":
    "import { part as x } from '/cdn/v1/part@3.1.0/part.mjs'\nfunction f(x) { return x }\nexport const result = [x, f(1), ((x) => x)(2), (() => { let x = 3; return x })(), { x }.x, ({ x: 4 }).x, [5].map(function (x) { return x })[0], (() => { try { throw 6 } catch (x) { return x } })(), `${x}`, typeof x]\nexport class C { x = x; static y() { return x } }\n",
};

let server: Server;
let base: string;
let node: InNode;
const requests: string[] = [];
const sha256 = (text: string) => `sha256-${createHash("sha256").update(text).digest("base64")}`;

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request.url!);
    const found = request.url === "/cdn/pack@latest" ? undefined : FILES[request.url!];
    if (request.url === "/cdn/pack@latest") response.writeHead(302, { location: "/cdn/pack@1.0.0" }).end();
    else if (found === undefined) response.writeHead(404).end("no");
    else response.writeHead(200, { "content-type": "text/javascript" }).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  node = await startInNode({
    settings: {
      npmMirrors: [`${base}/mirror/`],
      npmCdn: `${base}/cdn/{name}@{version}/{path}`,
      npmLock: [{ name: "locked", version: "1.0.0", url: `${base}/await.js`, integrity: "sha256-AAAA" }],
    },
  });
});
afterAll(async () => {
  await node.close();
  await new Promise((resolve) => server.close(resolve));
});

const file = async (path: string, text: string) => {
  await mkdir(join(node.folder, path, ".."), { recursive: true });
  await writeFile(join(node.folder, path), text);
};
const show = (code: string) => node.kernel.show(code);

describe("names", () => {
  test.each([
    ["d3", { name: "d3", version: undefined, path: "" }],
    ["@scope/x/sub/y.js", { name: "@scope/x", version: undefined, path: "sub/y.js" }],
    ["npm:x@1.2", { name: "x", version: "1.2", path: "" }],
    ["@a/b@^2/c", { name: "@a/b", version: "^2", path: "c" }],
  ])("%s", (specifier, expected) => expect(parsePackage(specifier)).toEqual(expected));

  test.each([
    ["1.2.3", undefined, true],
    ["1.2.3", "1", true],
    ["1.2.3", "1.2", true],
    ["1.2.3", "1.3", false],
    ["1.2.3", "^1.1.0", true],
    ["1.2.3", "^1.3.0", false],
    ["2.0.0", "^1.3.0", false],
    ["0.2.5", "^0.2.1", true],
    ["0.3.0", "^0.2.1", false],
    ["1.2.9", "~1.2.3", true],
    ["1.3.0", "~1.2.3", false],
    ["1.2.3", ">=1.2", true],
    ["1.2.3", "latest", true],
    ["1.2.3", "1.x", true],
    ["2.2.3", "1.x", false],
    ["1.2.3", "=1.2.3", true],
  ] as const)("%s fits %s: %s", (version, wish, fits) => expect(satisfies(version, wish)).toBe(fits));

  test("a package's exports say which file", () => {
    const exports = { ".": [{ node: "./n.js" }, { default: { import: "./i.js" } }], "./*": { browser: "./b/*.js" } };
    expect([
      exportedFile(exports, ""),
      exportedFile(exports, "x/y"),
      exportedFile("./s.js", ""),
      exportedFile({ "./a": "./a.js" }, "b"),
    ]).toEqual(["./i.js", "./b/x/y.js", "./s.js", undefined]);
  });
});

describe("mirrors", () => {
  test("give packages by their package.json, with nested imports, and the notebook learns hash and version", async () => {
    const { result, error, messages } = await node.kernel.run(
      "import leaf, { deep } from 'leaf@1.2.3'; leaf() + ' ' + deep",
    );
    expect(error).toBeUndefined();
    expect(result?.["text/plain"]).toBe("'leaf of deep deep'");
    expect(messages.find((message) => message.type === "dependency" && message.name === "leaf")).toMatchObject({
      version: "1.2.3",
      url: `${base}/mirror/leaf@1.2.3/lib/main.js`,
      integrity: sha256(FILES["/mirror/leaf@1.2.3/lib/main.js"]!),
    });
  });
  test("give paths inside packages", async () =>
    expect(await show("(await import('npm:leaf@1.2.3/deep')).deep")).toBe("'deep'"));
  test("give scoped packages that import others by name", async () =>
    expect(await show("import { tool } from '@scope/tool'; tool")).toBe("'plain tool'"));
  test("say so when a package is CommonJS", async () =>
    expect(await show("import 'old'")).toMatch(/CommonJS module, which cells cannot import/));
});

describe("the CDN", () => {
  test("is asked last, follows redirects and absolute imports", async () => {
    expect(await show("import pack, { named } from 'pack'; [pack(), named]")).toBe("[ 'default 42', 42 ]");
  });
  test("fetches a module once", async () => {
    await show("import { named as again } from 'pack'; again");
    expect(requests.filter((url) => url === "/cdn/v1/part@3.1.0/part.mjs")).toHaveLength(1);
  });
  test("that has no such module: all that was tried is said", async () => {
    const { error } = await node.kernel.run("1\nimport nothing from 'nothing-there'");
    expect(error?.line).toBe(2);
    expect(error?.evalue).toMatch(
      /Cannot find the module "nothing-there"[^]*come with Kroma[^]*mirror\/nothing-there\.js: the server answered 404[^]*cdn\/nothing-there@latest: the server answered 404[^]*into the workspace/,
    );
  });
});

describe("URLs", () => {
  test("are modules", async () =>
    expect(await show(`import waited from '${base}/await.js?x'; waited`)).toBe(
      "Error: Cannot load " + `${base}/await.js?x: the server answered 404 Not Found`,
    ));
  test("may be cyclic, with functions hoisted and bindings live", async () => {
    expect(
      await show(
        `import { both, early } from '${base}/cycle/a.js'; import { hoisted, late } from '${base}/cycle/b.js'; [both(), early, hoisted, late()]`,
      ),
    ).toBe("[ 'ab', 'function', 'a', 'function' ]");
  });
  test("keep scopes apart", async () => {
    await show(`import { result, C } from '${base}/shadow.js'`);
    expect(await show("JSON.stringify([...result, new C().x, C.y()])")).toBe(
      `'[41,1,2,3,41,4,5,6,"41","number",41,41]'`,
    );
  });
  test("of a wrong hash are refused", async () => {
    expect(await show(`import waited from '${base}/await.js'`)).toMatch(
      /was refused: its content is not what this notebook recorded/,
    );
    expect(await show(`import x from '${base}/mirror/plain.js?1' with { integrity: 'sha256-AAAA' }`)).toMatch(
      /404|refused/,
    );
    expect(
      await show(
        `import * as part from '${base}/cdn/v1/part@3.1.0/part.mjs' with { integrity: '${sha256(FILES["/cdn/v1/part@3.1.0/part.mjs"]!)}' }; part.part`,
      ),
    ).toBe("41");
  });
  test("with a syntax error name the file and the line", async () => {
    const { error } = await node.kernel.run(`import { fine } from '${base}/broken.js'`);
    expect(error?.ename).toBe("SyntaxError");
    expect(error?.traceback.join("\n")).toContain(`${base}/broken.js, line 2`);
  });
  test("of files and Node's modules are refused", async () => {
    expect(await show("import 'file:///etc/passwd'")).toMatch(/only npm names, https: URLs and files of the workspace/);
    expect(await show("import fs from 'node:fs'")).toMatch(/is a module of Node's/);
    expect(await show("await import('fs/promises')")).toMatch(/is a module of Node's/);
  });
});

describe("the workspace", () => {
  test("gives TypeScript with nested imports, cycles, JSON, text, folders, and without extensions", async () => {
    await file(
      "lib/a.ts",
      'import { b } from "./b"\nimport data from "../data.json"\nexport interface Shape { n: number }\nexport const a = (): number => b() + data.n\nexport default class Thing {}\n',
    );
    await file(
      "lib/b.ts",
      'import { a, type Shape } from "./a.ts"\nexport const b = (): Shape["n"] => 1\nexport { a as again }\n',
    );
    await file("lib/index.ts", 'export * from "./a.js"\nexport * as all from "./b"\n');
    await file("data.json", '{"n": 41}');
    await file("note.txt", "hello");
    expect(
      await show(
        `import Thing, { a, type Shape } from "./lib/a"\nimport { all } from "./lib"\nimport data from "/workspace/data.json"\nimport note from "./note.txt" with { type: "text" }\n[a(), all.again(), data.n, note, Thing.name]`,
      ),
    ).toBe("[ 42, 42, 41, 'hello', 'Thing' ]");
  });
  test("gives namespaces that a module exports", async () => {
    await file(
      "names.ts",
      "export namespace M { export const v = 7; export namespace In { export const w = v + 1 } }\nnamespace P { export const q = 1 }\nexport const p = P.q\n",
    );
    expect(await show('import { M, p } from "./names"; [M.v, M.In.w, p]')).toBe("[ 7, 8, 1 ]");
  });
  test("gives modules anew when they, or what they import, have changed", async () => {
    await file("data.json", '{"n": 99}');
    expect(await show('import { a } from "./lib"; a()')).toBe("100");
    await file("lib/b.ts", 'import { a } from "./a.ts"\nexport const b = () => 1000\nexport { a as again }\n');
    expect(await show('import { a } from "./lib"; import { again } from "./lib/b"; [a(), again()]')).toBe(
      "[ 1099, 1099 ]",
    );
  });
  test("keeps modules that have not changed, with their state", async () => {
    await file("state.ts", "export let n = 0\nexport const up = () => ++n\n");
    expect(await show('import { up } from "./state"; up()')).toBe("1");
    expect(await show('import { up } from "./state"; import * as st from "./state.ts"; up(); st.n')).toBe("2");
  });
  test("names the file and the line of errors", async () => {
    await file(
      "fails.ts",
      "type X = {\n  a: 1\n}\nexport function fail(x: X): never {\n  throw new RangeError('deep')\n}\n",
    );
    const { error } = await node.kernel.run('import { fail } from "./fails"\n\nfail({ a: 1 })');
    expect(error?.line).toBe(3);
    expect(error?.traceback.join("\n")).toContain("at fail (/workspace/fails.ts, line 5)");
  });
  test("names what is missing", async () => {
    expect(await show('import x from "./none"')).toMatch(/Cannot find "\.\/none": there is no \/workspace\/none/);
    expect(await show('import { nope } from "./state"; nope')).toBe(
      'SyntaxError: The module "./state" has no export named "nope"',
    );
    await file("wants.ts", 'import { nope } from "./state"\nexport const x = nope\n');
    expect(await show('import { x } from "./wants"; x')).toBe(
      'SyntaxError: The module "./state" has no export named "nope"',
    );
  });
  test("is mended by the next run after a failure", async () => {
    await file("mend.ts", "export const = 1");
    expect(await show('import { m } from "./mend"; m')).toMatch(/^SyntaxError/);
    await file("mend.ts", "export const m = 7");
    expect(await show('import { m } from "./mend"; m')).toBe("7");
  });
  test("is read and written by kroma.files", async () => {
    expect(
      await show(
        'kroma.files.write("made/x.json", { a: 1 }); [kroma.files.readJson("made/x.json"), kroma.files.list("made").map((f) => f.name), kroma.files.exists("made/y"), (await kroma.files.promises.readText("note.txt"))]',
      ),
    ).toBe("[ { a: 1 }, [ 'x.json' ], false, 'hello' ]");
    expect(await show('kroma.files.read("../etc/passwd")')).toMatch(/lies outside of \/workspace/);
    expect(await show('kroma.files.remove("made"); kroma.files.stat("made")')).toBe("");
  });
  test("is what addresses without a scheme are fetched from", async () => {
    await file("some table.csv", "a,b\n1,2\n");
    expect(
      await show(
        'const table = await fetch("./some table.csv"); [table.headers.get("content-type"), await table.text()]',
      ),
    ).toBe("[ 'text/csv', 'a,b\\n1,2\\n' ]");
    expect(await show('await (await fetch("/workspace/some%20table.csv")).text()')).toBe("'a,b\\n1,2\\n'");
    expect(await show('await fetch("none.json")')).toBe(
      "TypeError: Cannot reach none.json: there is no file /workspace/none.json",
    );
    expect(await show('await fetch("none.json", { method: "POST", body: "" })')).toMatch(/use kroma\.files\.write/);
  });
  test("hands values on", async () => {
    expect(await show('kroma.set("v", { d: new Date(0), n: NaN, t: new Float64Array([1]) }); kroma.get("v")')).toBe(
      "{ d: 1970-01-01T00:00:00.000Z, n: NaN, t: Float64Array(1) [ 1 ] }",
    );
    expect(await show('kroma.get("absent", 3)')).toBe("3");
    expect(await show('kroma.get("absent")')).toMatch(/KromaError: No value is called absent/);
  });
});
