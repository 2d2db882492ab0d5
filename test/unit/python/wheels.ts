/** Makes wheels and serves them on loopback, as mirrors and indexes do. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { zipSync, strToU8 } from "fflate";

export interface WheelSource {
  readonly name: string;
  readonly version?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly requires?: readonly string[];
  readonly tag?: string;
}

export interface BuiltWheel {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** A wheel with one module of the package's name, which says its version. */
export function buildWheel({
  name,
  version = "1.0",
  files,
  requires = [],
  tag = "py3-none-any",
}: WheelSource): BuiltWheel {
  const module = name.replaceAll("-", "_");
  const info = `${module}-${version}.dist-info`;
  const content: Record<string, string> = files
    ? { ...files }
    : { [`${module}/__init__.py`]: `version = ${JSON.stringify(version)}\n` };
  content[`${info}/METADATA`] =
    `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n` +
    requires.map((item) => `Requires-Dist: ${item}\n`).join("") +
    "\nA test.\n";
  content[`${info}/WHEEL`] = `Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: ${tag}\n`;
  content[`${info}/RECORD`] =
    Object.keys(content)
      .map((path) => `${path},,\n`)
      .join("") + `${info}/RECORD,,\n`;
  const bytes = zipSync(Object.fromEntries(Object.entries(content).map(([path, text]) => [path, strToU8(text)])));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name, version, filename: `${module}-${version}-${tag}.whl`, bytes, sha256 };
}

export interface WheelServer {
  readonly url: string;
  /** Paths that were asked for, in order. */
  readonly asked: string[];
  /** Puts a file at a path. */
  put(path: string, body: string | Uint8Array, type?: string): void;
  /** Puts a wheel and a simple index page (JSON, or HTML) for all versions of a name. */
  index(
    base: string,
    wheels: readonly BuiltWheel[],
    options?: { readonly html?: boolean; readonly hash?: string },
  ): void;
  /** Puts a lock file and its wheels. */
  lock(
    base: string,
    wheels: readonly (BuiltWheel & {
      readonly depends?: readonly string[];
      readonly imports?: readonly string[];
      readonly promised?: string;
    })[],
  ): void;
  close(): Promise<void>;
}

export async function serveWheels(): Promise<WheelServer> {
  const files = new Map<string, { body: string | Uint8Array; type: string }>();
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    const file = files.get(path);
    if (!file) return void response.writeHead(404).end("no such file");
    response.writeHead(200, { "content-type": file.type, "access-control-allow-origin": "*" }).end(file.body);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const put: WheelServer["put"] = (path, body, type = "application/octet-stream") =>
    void files.set(path, { body, type });
  return {
    url,
    asked,
    put,
    index(base, wheels, options = {}) {
      const name = wheels[0]?.name ?? "";
      for (const wheel of wheels) put(`${base}files/${wheel.filename}`, wheel.bytes);
      const hash = (wheel: BuiltWheel) => options.hash ?? wheel.sha256;
      if (options.html) {
        const links = wheels.map(
          (wheel) => `<a href="../files/${wheel.filename}#sha256=${hash(wheel)}">${wheel.filename}</a><br>`,
        );
        put(`${base}${name}/`, `<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`, "text/html");
        return;
      }
      const list = wheels.map((wheel) => ({
        filename: wheel.filename,
        url: `${url}${base}files/${wheel.filename}`,
        hashes: { sha256: hash(wheel) },
      }));
      put(
        `${base}${name}/`,
        JSON.stringify({ meta: { "api-version": "1.0" }, name, files: list }),
        "application/vnd.pypi.simple.v1+json",
      );
    },
    lock(base, wheels) {
      const packages: Record<string, unknown> = {};
      for (const wheel of wheels) {
        put(base + wheel.filename, wheel.bytes);
        packages[wheel.name] = {
          name: wheel.name,
          version: wheel.version,
          file_name: wheel.filename,
          sha256: wheel.promised ?? wheel.sha256,
          depends: wheel.depends ?? [],
          imports: wheel.imports ?? [wheel.name.replaceAll("-", "_")],
          install_dir: "site",
          package_type: "package",
        };
      }
      put(`${base}pyodide-lock.json`, JSON.stringify({ info: {}, packages }), "application/json");
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}
