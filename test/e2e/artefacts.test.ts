/** Artefacts on the command line: published, passed on, verified, run and let go, by real processes. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { carBytes, openCar } from "#core/store/car.ts";
import { FolderBlockStore } from "#plugins/folder/block-store.node.ts";
import { linear } from "../unit/onnx/make-model.ts";
import { kroma, root, type Finished } from "./kroma-process.ts";

let folder: string;
/** What `kroma publish` printed for weather.ipynb. */
let published: string;

const home = (name: string): string => join(folder, `home-${name}`);
const as = (who: string, ...args: string[]): Promise<Finished> =>
  kroma(args, { cwd: folder, environment: { KROMA_HOME: home(who), KROMA_GATEWAYS: "" } });
const lastLine = ({ stdout }: Finished): string => stdout.trimEnd().split("\n").at(-1) ?? "";

async function writeNotebook(name: string, ...sources: string[]): Promise<void> {
  const cells = sources.map((source, index) => ({
    cell_type: "code",
    id: `c${index}`,
    metadata: {},
    execution_count: null,
    outputs: [],
    source,
  }));
  const metadata = { kernelspec: { name: "python3", display_name: "Python 3", language: "python" } };
  await writeFile(join(folder, name), JSON.stringify({ cells, metadata, nbformat: 4, nbformat_minor: 5 }));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-artefacts-"));
  await mkdir(join(folder, "data"));
  await writeFile(join(folder, "data/rain.csv"), "day,rain\n1,20\n2,22\n");
  await writeFile(join(folder, "private.txt"), "mine\n");
  await writeNotebook(
    "weather.ipynb",
    "print(sum(int(l.split(',')[1]) for l in open('data/rain.csv').readlines()[1:]))",
  );
  const finished = await as(
    "ada",
    "publish",
    "weather.ipynb",
    "--author",
    "Ada",
    "--licence",
    "MIT",
    "--car",
    "weather.car",
  );
  expect(finished.stderr).toContain("data/rain.csv");
  published = finished.stdout.trim();
});

afterAll(() => rm(folder, { recursive: true }));

describe("kroma publish", () => {
  it("prints the root alone, and the same one for whoever publishes the same", async () => {
    expect(published).toMatch(/^bafyrei[a-z2-7]{52}$/);
    const again = await as("bob", "publish", "weather.ipynb", "--author", "Ada", "--licence", "MIT");
    expect(again.stdout).toBe(`${published}\n`);
    expect((await as("ada", "pins")).stdout.trim().split("\n").length).toBe(1);
  });

  it("publishes nothing that looks like a secret unless it is told to", async () => {
    await writeNotebook("secret.ipynb", `key = "${"ghp"}_${"a1B2c3D4e5".repeat(4)}"`);
    const refused = await as("secret", "publish", "secret.ipynb");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("cell 1, line 1: looks like a GitHub token");
    expect(refused.stderr).not.toContain("a1B2c3D4e5");
    expect(await as("secret", "pins")).toMatchObject({ code: 0, stdout: "" });
    expect((await as("secret", "publish", "secret.ipynb", "--allow-secrets")).code).toBe(0);
  });

  it("refuses what is not there or lies outside, with status 2", async () => {
    for (const args of [
      ["publish"],
      ["publish", "none.ipynb"],
      ["publish", "weather.ipynb", "--file", "/etc/hosts"],
      ["publish", "weather.ipynb", "--parent", "x"],
      ["publish", "weather.ipynb", "--version", "not a version"],
    ])
      expect(await as("wrong", ...args), args.join(" ")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("kroma publish --kind model", () => {
  it("makes an artefact of a model that cells load by its CID, and refuses what is not there", async () => {
    await writeFile(join(folder, "linear.onnx"), linear());
    const finished = await as(
      "model",
      "publish",
      "linear.onnx",
      "--kind",
      "model",
      "--licence",
      "MIT",
      "--car",
      "l.car",
    );
    expect(finished, finished.stderr).toMatchObject({ code: 0 });
    const root = finished.stdout.trim();
    expect(finished.stderr).toContain(`kroma.ml.load("ipfs://${root}")`);
    expect(await as("other", "verify", "l.car")).toMatchObject({ code: 0, stdout: `${root}\n` });
    expect(await as("model", "run", root)).toMatchObject({ code: 2, stdout: "" });
    await writeNotebook(
      "uses.ipynb",
      `import kroma\nprint(kroma.ml.load("ipfs://${root}").run(x=[[1, 2, 3]])["y"].tolist())`,
    );
    const ran = await as("other", "run", "uses.ipynb", "--quiet", "--from", "l.car");
    expect(ran, ran.stderr).toMatchObject({ code: 0, stdout: "[[32.0, 48.0]]\n" });
    for (const args of [
      ["none.onnx", "--kind", "model"],
      ["linear.onnx", "--kind", "model", "--file", "/etc/hosts"],
      ["linear.onnx", "--kind", "something"],
    ])
      expect(await as("model", "publish", ...args), args.join(" ")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("kroma verify", () => {
  it("is content with a whole artefact, here or in a file", async () => {
    for (const what of [published, "weather.car", `https://example.invalid/#/artefact/${published}`]) {
      const finished = await as("ada", "verify", what);
      expect(finished, what).toMatchObject({ code: 0, stdout: `${published}\n` });
      expect(finished.stderr).toContain("both signatures hold");
    }
  });

  it("is not with a byte changed anywhere, a signature missing, or the file cut off", async () => {
    const bytes = await readFile(join(folder, "weather.car"));
    const tampered = join(folder, "tampered.car");
    for (let at = 150; at < bytes.length; at += Math.ceil(bytes.length / 6)) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 1;
      await writeFile(tampered, changed);
      expect((await as("eve", "verify", "tampered.car")).code, `${at}`).not.toBe(0);
    }
    await writeFile(tampered, bytes.subarray(0, -10));
    expect(await as("eve", "verify", "tampered.car")).toMatchObject({ code: 1, stdout: "" });
  });

  it("is not when nobody signed", async () => {
    const unsigned = join(folder, "unsigned.car");
    const read = await openCar(pieces(await readFile(join(folder, "weather.car"))));
    const { decodeEnvelope } = await import("#core/artefact/envelope.ts");
    const isEnvelope = (bytes: Uint8Array): boolean => {
      try {
        return decodeEnvelope(bytes) !== undefined;
      } catch {
        return false;
      }
    };
    const rest = (async function* () {
      for await (const block of read.blocks) if (!isEnvelope(block.bytes)) yield block;
    })();
    const written: Uint8Array[] = [];
    for await (const piece of carBytes(read.roots.slice(0, 1), rest)) written.push(piece);
    await writeFile(unsigned, Buffer.concat(written));
    const finished = await as("eve", "verify", "unsigned.car");
    expect(finished).toMatchObject({ code: 1, stdout: "" });
    expect(finished.stderr).toContain("there is no signature");
    expect(await as("eve", "run", published, "--from", "unsigned.car")).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("kroma fetch", () => {
  it("gets an artefact from a gateway, checks it, keeps it and writes its files", async () => {
    const blocks = new FolderBlockStore(join(home("ada"), "blocks"));
    const server = createServer((request, response) => {
      const cid = /^\/ipfs\/(\w+)\?format=raw$/.exec(request.url ?? "")?.[1];
      if (cid === undefined) return void response.writeHead(404).end();
      void blocks.get(cid).then((bytes) => response.writeHead(bytes ? 200 : 404).end(bytes));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const directory = (await as("ada", "pins")).stdout.split("\t")[0] as string;
    try {
      const finished = await as("carol", "fetch", `${gateway}/ipfs/${directory}/`, "--output", "got");
      expect(finished, finished.stderr).toMatchObject({ code: 0, stdout: `${published}\n` });
      expect(await readFile(join(folder, "got/workspace/data/rain.csv"), "utf8")).toContain("2,22");
      expect((await readdir(join(folder, "got"))).sort()).toEqual(["index.html", "notebook.ipynb", "workspace"]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    // Nobody is asked any more.
    expect(await as("carol", "fetch", published, "--output", "again")).toMatchObject({ code: 0 });
    expect(await as("carol", "verify", published)).toMatchObject({ code: 0, stdout: `${published}\n` });
    expect(await as("carol", "fetch", published, "--output", "got")).toMatchObject({ code: 2, stdout: "" });
  });

  it("says who could be asked when nobody has it", async () => {
    const finished = await as("nobody", "fetch", published);
    expect(finished).toMatchObject({ code: 2, stdout: "" });
    expect(finished.stderr).toContain("--from");
  });
});

describe("kroma car, pins and unpin", () => {
  it("passes everything on as the same bytes, and lets go of what nothing keeps", async () => {
    const imported = await as("dan", "car", "import", "weather.car");
    expect(imported.code).toBe(0);
    const roots = imported.stdout.trim().split("\n");
    expect(roots[0]).toBe(published);
    expect((await as("dan", "car", "export", ...roots, "--output", "again.car")).code).toBe(0);
    // The root alone stands for all that was published.
    expect((await as("dan", "car", "export", published, "--output", "root.car")).code).toBe(0);
    const [first, ...others] = await Promise.all(
      ["weather.car", "again.car", "root.car"].map((name) => readFile(join(folder, name))),
    );
    for (const other of others) expect(Buffer.compare(first as Buffer, other)).toBe(0);
    expect((await as("dan", "verify", published)).code).toBe(0);
    const pins = await as("dan", "pins", "--long");
    expect(pins.stdout.split("\n").filter((line) => line !== "").length).toBe(2);
    expect(pins.stdout).toMatch(/\d+ blocks, [\d.]+ kB/);
    expect((await as("dan", "unpin", roots[1] as string)).code).toBe(0);
    // The root is still pinned by itself: its files stay.
    expect((await as("dan", "car", "export", published, "-o", "root.car")).code).toBe(0);
    expect((await as("dan", "unpin", published)).code).toBe(0);
    expect(await as("dan", "unpin", published)).toMatchObject({ code: 1 });
    expect((await as("dan", "car", "export", published, "-o", "root.car")).code).toBe(2);
    expect(
      (await readdir(join(home("dan"), "blocks"), { recursive: true })).filter((name) => name.endsWith(".block")),
    ).toEqual([]);
  });

  it("keeps what others publish while garbage is collected", async () => {
    await Promise.all([1, 2, 3].map((index) => writeNotebook(`busy${index}.ipynb`, `print(${index})`)));
    const [kept] = (await as("busy", "publish", "busy1.ipynb")).stdout.trim().split("\n");
    const rounds = await Promise.all([
      as("busy", "publish", "busy2.ipynb"),
      as("busy", "unpin", kept as string),
      as("busy", "publish", "busy3.ipynb"),
    ]);
    expect(rounds.map(({ code }) => code)).toEqual([0, 0, 0]);
    for (const finished of [rounds[0], rounds[2]])
      expect((await as("busy", "verify", lastLine(finished as Finished))).code).toBe(0);
  });

  it("that was killed in the middle leaves nothing half published, and does it again", async () => {
    await writeFile(join(folder, "large.bin"), Buffer.alloc(40_000_000, "kroma"));
    await writeNotebook("large.ipynb", "open('large.bin')");
    const environment = { ...process.env, KROMA_HOME: home("killed") };
    const child = spawn(process.execPath, [join(root, "app/node/cli.ts"), "publish", "large.ipynb"], {
      cwd: folder,
      env: environment,
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    await expect
      .poll(async () => (await readdir(join(home("killed"), "blocks"), { recursive: true }).catch(() => [])).length)
      .toBeGreaterThan(2);
    child.kill("SIGKILL");
    await ended;
    const finished = await as("killed", "publish", "large.ipynb");
    expect(finished.code).toBe(0);
    expect((await as("killed", "verify", lastLine(finished))).code).toBe(0);
    expect((await as("killed", "pins")).stdout.trim().split("\n").length).toBe(1);
  });
});

describe("kroma run CID", () => {
  it("runs a stranger's notebook on a copy of its files, and shows it no others", async () => {
    const finished = await as("erin", "run", published, "--from", "weather.car", "--quiet");
    expect(finished, finished.stderr).toMatchObject({ code: 0, stdout: "42\n" });
    await writeNotebook(
      "prying.ipynb",
      [
        "import js, os",
        `for code in ["process.getBuiltinModule('fs').readFileSync('${folder}/private.txt', 'utf8')",`,
        `    "process.getBuiltinModule('fs').writeFileSync('${folder}/written.txt', '')",`,
        `    "process.getBuiltinModule('child_process').execSync('id')",`,
        `    "new (process.getBuiltinModule('worker_threads').Worker)('1', {eval: true, execArgv: []})"]:`,
        "    try:",
        "        print('reached', js.eval(code))",
        "    except BaseException:",
        "        print('refused')",
        "print(os.path.exists('private' + '.txt'), os.path.exists('data'))",
      ].join("\n"),
    );
    const prying = lastLine(await as("erin", "publish", "prying.ipynb", "--file", "data"));
    expect(await as("erin", "run", prying, "--quiet")).toMatchObject({
      code: 0,
      stdout: `${"refused\n".repeat(4)}False True\n`,
    });
    expect(await readdir(folder)).not.toContain("written.txt");
    expect((await readdir(tmpdir())).filter((name) => name.startsWith("kroma-run-"))).toEqual([]);
  });
});

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
