/**
 * Makes wheels of the pure-Python packages that ship with Kroma (notebooks/packages/NAME/NAME/…), after the binary
 * distribution format (PEP 427): a zip with the package and a dist-info folder. Same input, same bytes.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Zippable, zipSync } from "fflate";

const EPOCH = new Date("2020-01-01T00:00:00Z");

function collect(folder: string, prefix: string, into: Map<string, Uint8Array>): void {
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) {
      if (name !== "__pycache__") collect(path, `${prefix}${name}/`, into);
    } else into.set(prefix + name, readFileSync(path));
  }
}

/** Writes a wheel for every package under `source`, and an index.json: name to {version, file, sha256}. */
export function buildWheels(source: string, target: string): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const index: Record<string, { version: string; file: string; sha256: string }> = {};
  for (const name of readdirSync(source).sort()) {
    const files = new Map<string, Uint8Array>();
    collect(join(source, name), "", files);
    const init = new TextDecoder().decode(files.get(`${name}/__init__.py`));
    const version = /__version__ = "([^"]+)"/.exec(init)?.[1];
    const summary = /^"""(.+?)"""/s.exec(init)?.[1]?.split("\n")[0];
    if (version === undefined || summary === undefined)
      throw new Error(`notebooks/packages/${name} needs a docstring and __version__`);
    const info = `${name}-${version}.dist-info`;
    const encode = (text: string) => new TextEncoder().encode(text);
    files.set(
      `${info}/METADATA`,
      encode(`Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\nSummary: ${summary}\n`),
    );
    files.set(
      `${info}/WHEEL`,
      encode("Wheel-Version: 1.0\nGenerator: kroma\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    );
    const record = [...files].map(([path, bytes]) => {
      const digest = createHash("sha256").update(bytes).digest("base64url");
      return `${path},sha256=${digest},${bytes.length}`;
    });
    files.set(`${info}/RECORD`, encode([...record, `${info}/RECORD,,`, ""].join("\n")));
    const zip: Zippable = {};
    for (const [path, bytes] of files) zip[path] = [bytes, { mtime: EPOCH }];
    const bytes = zipSync(zip);
    const file = `${name}-${version}-py3-none-any.whl`;
    writeFileSync(join(target, file), bytes);
    index[name] = { version, file, sha256: createHash("sha256").update(bytes).digest("hex") };
  }
  writeFileSync(join(target, "index.json"), `${JSON.stringify(index, undefined, 1)}\n`);
}
