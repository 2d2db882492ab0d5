/** urllib.request over fetch, from a server on loopback. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
let server: Server;
let asked: () => void = () => undefined;
beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      switch (request.url) {
        case "/data.csv":
          response.writeHead(200, { "content-encoding": "gzip", "content-type": "text/csv; charset=utf-8" });
          return response.end(gzipSync("name\né\n"));
        case "/moved":
          return response.writeHead(302, { location: "/data.csv" }).end();
        case "/big":
          return response.end(Buffer.alloc(300_000, 7));
        case "/missing":
          return response.writeHead(404, "Not Here").end("why");
        case "/never":
          return asked();
        default:
          response.setHeader("x-kind", "echo");
          return response.end(
            JSON.stringify({ method: request.method, headers: request.headers, body: Buffer.concat(parts).toString() }),
          );
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  python = await startPython();
  const { port } = server.address() as AddressInfo;
  await python.run(`import json, urllib.request, urllib.error\nbase = "http://127.0.0.1:${port}"`);
}, 60_000);
afterAll(() => {
  python.close();
  server.closeAllConnections();
  server.close();
});

const result = async (code: string) => (await python.run(code)).result;

test("text comes decompressed, after redirections, with its address and headers", async () => {
  expect(
    await result(
      "with urllib.request.urlopen(base + '/moved') as r:\n    got = r.read()\n" +
        "r.status, r.url == base + '/data.csv', r.headers.get_content_type(), got.decode()",
    ),
  ).toBe("(200, True, 'text/csv', 'name\\né\\n')");
});

test("method, headers and body are sent as they are", async () => {
  const code =
    "request = urllib.request.Request(base + '/x', data=b'q=1', headers={'X-Token': 't'}, method='PUT')\n" +
    "with urllib.request.urlopen(request) as r:\n    seen = json.load(r)\n" +
    "seen['method'], seen['body'], seen['headers']['x-token'], seen['headers']['content-type'], r.headers['X-Kind']";
  expect(await result(code)).toBe("('PUT', 'q=1', 't', 'application/x-www-form-urlencoded', 'echo')");
});

test("a file is fetched whole", async () => {
  expect(
    await result(
      "path, _ = urllib.request.urlretrieve(base + '/big', '/tmp/big')\ndata = open(path, 'rb').read()\nlen(data), set(data)",
    ),
  ).toBe("(300000, {7})");
});

test("errors are urllib's", async () => {
  expect(
    await result(
      "try:\n    urllib.request.urlopen(base + '/missing')\nexcept urllib.error.HTTPError as error:\n    told = error.code, error.reason, error.read()\ntold",
    ),
  ).toBe("(404, 'Not Here', b'why')");
  const refused = await python.run("urllib.request.urlopen('http://127.0.0.1:1/')");
  expect(refused.error).toMatchObject({ ename: "URLError" });
  expect(refused.error?.evalue).toContain("http://127.0.0.1:1/ could not be reached");
  const late = await python.run("urllib.request.urlopen(base + '/never', timeout=0.05)");
  expect(late.error).toMatchObject({ ename: "URLError", evalue: "<urlopen error timed out>" });
});

test("an interrupt ends the wait, and the next fetch gets its own answer", async () => {
  const arrived = new Promise<void>((resolve) => (asked = resolve));
  const waiting = python.run("urllib.request.urlopen(base + '/never')");
  await arrived;
  python.interrupt();
  expect((await waiting).error?.ename).toBe("KeyboardInterrupt");
  expect(await result("len(urllib.request.urlopen(base + '/big').read())")).toBe("300000");
});

test("display objects take a URL", async () => {
  expect(await result("from IPython.display import HTML\nHTML(url=base + '/data.csv').data")).toBe("'name\\né\\n'");
  expect(await result("from IPython.display import Image\n[HTML('x')], HTML.__module__")).toBe(
    "([<IPython.core.display.HTML object>], 'IPython.core.display')",
  );
});
