/** Installing packages, from wheels that are built here and served on loopback. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KernelSettings } from "#core/kernel/kernel.ts";
import { type Cells, startPython } from "./harness.ts";
import { buildWheel, serveWheels, type WheelServer } from "./wheels.ts";

let server: WheelServer;
let cache: string;
const open: Cells[] = [];
beforeAll(async () => {
  server = await serveWheels();
  cache = await mkdtemp(join(tmpdir(), "kroma-wheels-"));
}, 60_000);
afterAll(async () => {
  for (const cells of open) cells.close();
  await server.close();
  await rm(cache, { recursive: true, force: true });
});
async function python(settings: Partial<KernelSettings>, folder = cache): Promise<Cells> {
  const cells = await startPython({ settings, cache: folder });
  open.push(cells);
  return cells;
}

describe("an index", () => {
  let cells: Cells;
  beforeAll(async () => {
    server.index("/simple/", [
      buildWheel({ name: "tool", version: "1.0" }),
      buildWheel({
        name: "tool",
        version: "1.10",
        requires: [
          "helper>=2,<3",
          'windows-only; sys_platform == "win32"',
          'fancy[color]~=1.1; extra == "fancy"',
          'old-thing; python_version < "3"',
        ],
      }),
      buildWheel({ name: "tool", version: "2.0rc1" }),
      buildWheel({ name: "tool", version: "3.0", tag: "cp314-cp314-manylinux_2_28_x86_64" }),
    ]);
    server.index(
      "/simple/",
      [
        buildWheel({ name: "helper", version: "1.0" }),
        buildWheel({ name: "helper", version: "2.5" }),
        buildWheel({ name: "helper", version: "3.0" }),
      ],
      { html: true },
    );
    server.index("/simple/", [
      buildWheel({ name: "fancy", version: "1.1.4", requires: ['paint; extra == "color"'] }),
      buildWheel({ name: "fancy", version: "1.2" }),
      buildWheel({ name: "fancy", version: "2.0" }),
    ]);
    server.index("/simple/", [buildWheel({ name: "paint" })]);
    server.index("/simple/", [buildWheel({ name: "native", tag: "cp314-cp314-manylinux_2_28_x86_64" })]);
    server.index("/simple/", [buildWheel({ name: "torn" })], { hash: "0".repeat(64) });
    server.index("/simple/", [buildWheel({ name: "needs-missing", requires: ["not-anywhere"] })]);
    server.index("/simple/", [buildWheel({ name: "wants-old", requires: ["helper<2"] })]);
    cells = await python({ pythonIndex: `${server.url}/simple/` });
  }, 60_000);

  test("%pip install takes the newest release that runs here, with what it needs", async () => {
    const run = await cells.run("%pip install tool");
    expect(run.stdout).toBe("Installed tool-1.10, helper-2.5\n");
    expect((await cells.run("import tool, helper; tool.version, helper.version")).result).toBe("('1.10', '2.5')");
    const facts = run.messages.filter((m) => m.type === "dependency");
    expect(facts.map((m) => m.name)).toEqual(["tool", "helper"]);
    expect(facts[0]).toMatchObject({
      ecosystem: "pypi",
      version: "1.10",
      integrity: expect.stringMatching(/^sha256-[A-Za-z0-9+/]{43}=$/),
    });
    expect((await cells.run("%pip install tool")).stdout).toBe("Already installed: tool\n");
  });

  test("extras bring in their own needs", async () => {
    expect((await cells.run("%pip install 'tool[fancy]'")).stdout).toBe("Installed fancy-1.2\n");
    expect((await cells.run("%pip install 'fancy[color]==1.1.4'")).stdout).toBe("Installed fancy-1.1.4, paint-1.0\n");
  });

  test("micropip is there too, and list and show tell", async () => {
    expect(
      (await cells.run("import micropip\nawait micropip.install('paint')\n'paint' in micropip.list()")).result,
    ).toBe("True");
    expect((await cells.run("%pip list")).stdout).toMatch(/tool +1\.10/);
    expect((await cells.run("%pip show tool")).stdout).toMatch(/Version: 1\.10[^]*Requires: helper/);
    expect((await cells.run("import importlib.metadata as m; m.version('tool')")).result).toBe("'1.10'");
  });

  test("versions are chosen and changed as asked, and uninstalled", async () => {
    const other = await python({ pythonIndex: `${server.url}/simple/` });
    expect((await other.run("%pip install -q tool==1.0")).stdout).toBe("");
    expect((await other.run("import tool; tool.version")).result).toBe("'1.0'");
    expect((await other.run("%pip install --pre tool>1.10")).stdout).toContain("tool-2.0rc1");
    expect(
      (
        await other.run(
          "%pip uninstall -y tool\nimport importlib.util, sys; del sys.modules['tool']; importlib.util.find_spec('tool')",
        )
      ).result,
    ).toBeUndefined();
    expect((await other.run("%pip install 'tool>=9'")).error?.evalue).toContain(
      "only these versions were found: 2.0rc1, 1.10, 1.0",
    );
    await other.run(
      "open('requirements.txt', 'w').write('# what\\npaint  # colour\\ntool==1.0 ; python_version > \"3\"\\n')",
    );
    expect((await other.run("%pip install -r requirements.txt")).stdout).toBe("Installed paint-1.0, tool-1.0\n");
  });

  test("an unknown name, a foreign platform, a missing need and a contradiction are told by name", async () => {
    expect((await cells.run("%pip install not-anywhere")).error).toMatchObject({
      ename: "InstallError",
      evalue: expect.stringContaining("not-anywhere can't be installed"),
    });
    expect((await cells.run("%pip install native")).error?.evalue).toMatch(
      /native has no wheel that runs in the browser.*manylinux/,
    );
    expect((await cells.run("%pip install needs-missing")).error?.evalue).toContain(
      "not-anywhere can't be installed (needed by needs-missing)",
    );
    expect((await cells.run("import needs_missing")).error?.ename).toBe("ModuleNotFoundError");
    const fresh = await python({ pythonIndex: `${server.url}/simple/` });
    expect((await fresh.run("%pip install tool wants-old")).error?.evalue).toContain(
      "helper<2 (wanted by wants-old) contradicts helper 2.5",
    );
    expect((await cells.run("%pip install '???'")).error?.ename).toBe("InstallError");
  });

  test("a wheel with another hash than promised is refused", async () => {
    const run = await cells.run("%pip install torn");
    expect(run.error).toMatchObject({
      ename: "HashMismatch",
      evalue: expect.stringContaining("torn-1.0-py3-none-any.whl"),
    });
    expect((await cells.run("import torn")).error?.ename).toBe("ModuleNotFoundError");
  });
});

describe("a mirror", () => {
  test("imports load what its lock file knows, before the cell runs", async () => {
    server.lock("/mirror/", [
      {
        ...buildWheel({
          name: "auto-loaded",
          files: { "surprise/__init__.py": "import needed\nvalue = needed.value + 1\n" },
        }),
        imports: ["surprise"],
        depends: ["needed"],
      },
      buildWheel({ name: "needed", files: { "needed.py": "value = 41\n" } }),
      { ...buildWheel({ name: "spoilt" }), promised: "1".repeat(64) },
      { ...buildWheel({ name: "gone" }), filename: "gone-1.0-py3-none-any.whl", bytes: new Uint8Array() },
    ]);
    const cells = await python({ wheelMirrors: [`${server.url}/mirror`] });
    expect((await cells.run("import surprise\nsurprise.value")).result).toBe("42");
    const refused = await cells.run("import spoilt");
    expect(refused.error?.ename).toBe("ModuleNotFoundError");
    expect(refused.traceback).toContain("spoilt-1.0-py3-none-any.whl");
    expect(refused.traceback).toContain("was refused: its sha256");
    expect((await cells.run("try:\n    import spoilt\nexcept ImportError:\n    print('went on')")).stdout).toBe(
      "went on\n",
    );
    expect((await cells.run("%pip install gone")).error?.ename).toBe("HashMismatch");
  });

  test("a file that the lock names but nobody has is told with what to do", async () => {
    const wheel = buildWheel({ name: "nowhere" });
    server.put(
      "/half/pyodide-lock.json",
      JSON.stringify({
        packages: {
          nowhere: {
            name: "nowhere",
            version: "1.0",
            file_name: wheel.filename,
            sha256: wheel.sha256,
            depends: [],
            imports: ["nowhere"],
          },
        },
      }),
    );
    const cells = await python({ wheelMirrors: [`${server.url}/half/`] });
    const { error, traceback } = await cells.run("import nowhere");
    expect(error?.ename).toBe("ModuleNotFoundError");
    expect(traceback).toContain("nowhere can't be installed");
    expect(traceback).toContain("answered 404");
    expect(traceback).toContain("%pip install ./nowhere");
  });

  test("a mirror that does not answer is told, and a simple index in it is asked", async () => {
    const dead = await python({ wheelMirrors: ["http://127.0.0.1:9/"] });
    expect((await dead.run("%pip install whatever")).error?.evalue).toMatch(
      /whatever can't be installed.*could not be reached/,
    );
    server.index("/folder/simple/", [buildWheel({ name: "indexed", version: "0.3" })]);
    const cells = await python({ wheelMirrors: [`${server.url}/folder`] });
    expect((await cells.run("%pip install indexed")).stdout).toBe("Installed indexed-0.3\n");
  });

  test("Pyodide's own packages are looked for in the folder that the settings name", async () => {
    const cells = await python({ pyodidePackages: `${server.url}/full/` });
    const { traceback } = await cells.run("import numpy");
    expect(traceback).toMatch(/numpy can't be installed: .*\/full\/numpy-\S+ answered 404/);
    const none = await python({});
    expect((await none.run("import numpy")).traceback).toMatch(/numpy .*no folder that has it is set[^]*settings/);
  });

  test("what was downloaded once is kept by its hash", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kroma-wheels-"));
    const wheel = buildWheel({ name: "kept" });
    server.lock("/keep/", [wheel]);
    const first = await python({ wheelMirrors: [`${server.url}/keep/`] }, folder);
    await first.run("%pip install kept");
    expect(await readdir(join(folder, "python-packages"))).toEqual([wheel.sha256]);
    server.asked.length = 0;
    const second = await python({ wheelMirrors: [`${server.url}/keep/`] }, folder);
    expect((await second.run("import kept; kept.version")).result).toBe("'1.0'");
    expect(server.asked.filter((path) => path.endsWith(".whl"))).toEqual([]);
    // A damaged entry is only a miss.
    await writeFile(join(folder, "python-packages", wheel.sha256), "garbage");
    const third = await python({ wheelMirrors: [`${server.url}/keep/`] }, folder);
    expect((await third.run("import kept; kept.version")).result).toBe("'1.0'");
    await rm(folder, { recursive: true, force: true });
  });
});

describe("a file", () => {
  test("a wheel in the workspace or at a URL is installed, a bad one is refused", async () => {
    const cells = await python({});
    const local = buildWheel({ name: "local-one" });
    const remote = buildWheel({ name: "remote-one" });
    const evil = buildWheel({ name: "evil", files: { "../../../escape.py": "x = 1", "evil.py": "" } });
    server.put(`/${remote.filename}`, remote.bytes);
    for (const wheel of [local, evil]) {
      await cells.run(
        `import base64\nopen('${wheel.filename}', 'wb').write(base64.b64decode('${Buffer.from(wheel.bytes).toString("base64")}'))`,
      );
    }
    expect((await cells.run(`%pip install ./${local.filename}`)).stdout).toBe("Installed local-one-1.0\n");
    expect((await cells.run("import local_one; local_one.version")).result).toBe("'1.0'");
    expect((await cells.run(`%pip install ${server.url}/${remote.filename}#sha256=${remote.sha256}`)).stdout).toBe(
      "Installed remote-one-1.0\n",
    );
    expect(
      (await cells.run(`%pip install ${server.url}/${remote.filename}#sha256=${"2".repeat(64)}`)).error?.ename,
    ).toBe("HashMismatch");
    expect((await cells.run(`%pip install ./${evil.filename}`)).error?.evalue).toContain("written outside");
    expect((await cells.run("%pip install ./not_there-1.0-py3-none-any.whl")).error?.evalue).toContain("No such file");
    await cells.run("open('empty-1.0-py3-none-any.whl', 'w').write('no zip')");
    expect((await cells.run("%pip install ./empty-1.0-py3-none-any.whl")).error?.evalue).toContain("is not a wheel");
  });
});

test("versions compare as PEP 440 says, markers hold as PEP 508 says", async () => {
  const cells = await python({});
  const sorted = [
    "1.0.dev1",
    "1.0a1.dev2",
    "1.0a1",
    "1.0b2",
    "1.0rc1",
    "1.0",
    "1.0+local",
    "1.0.post1",
    "1.0.1",
    "1.2",
    "1.10",
    "1!0.1",
  ];
  await cells.run("from _kroma.versions import *");
  expect(
    (
      await cells.run(
        `[v.text for v in sorted(map(Version, reversed(${JSON.stringify(sorted)})))] == ${JSON.stringify(sorted)}`,
      )
    ).result,
  ).toBe("True");
  for (const [specifier, version, fits] of [
    ["==1.0", "1.0.0", true],
    ["==1.*", "1.9", true],
    ["==1.0.*", "1.1", false],
    ["!=1.0", "1.0.0", false],
    ["~=1.4", "1.9", true],
    ["~=1.4", "2.0", false],
    ["~=1.4.2", "1.5", false],
    [">=1,<2", "1.5", true],
    ["<2", "2.0rc1", false],
    [">1.0", "1.0.post1", false],
    [">=1.0", "1.0.post1", true],
    ["==1.0", "1.0+abc", true],
    ["===1.0", "1.0", true],
    ["", "7", true],
  ] as const) {
    expect(
      (await cells.run(`Specifier(${JSON.stringify(specifier)}).allows(Version(${JSON.stringify(version)}))`)).result,
      `${version} ${specifier}`,
    ).toBe(fits ? "True" : "False");
  }
  for (const [marker, holds] of [
    ['python_version >= "3.9"', true],
    ['python_version < "3.10"', false],
    ['sys_platform == "emscripten"', true],
    ['(os_name == "nt" or platform_system != "Windows") and extra == ""', true],
    ['"linux" in sys_platform', false],
    ['python_version ~= "3.0"', true],
    ['platform_python_implementation == "CPython"', true],
  ] as const) {
    expect((await cells.run(`marker_holds(${JSON.stringify(marker)})`)).result, marker).toBe(holds ? "True" : "False");
  }
  expect((await cells.run('Specifier("=>1")')).error?.ename).toBe("InvalidRequirement");
});
