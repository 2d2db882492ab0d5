/** The file server, over real HTTP, on a site made for the test. */
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { type IncomingHttpHeaders, type Server, createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSiteHandler } from "#app/node/site-handler.ts";

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let folder: string;
let server: Server;
let image: string | undefined;

/** Sends a path as it stands: fetch would tidy it up. */
function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, headers, method }, (response) => {
      let body = "";
      response.setEncoding("latin1").on("data", (text: string) => (body += text));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
    asked.on("error", reject).end();
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-site-"));
  const site = join(folder, "site");
  await mkdir(join(site, "app/assets"), { recursive: true });
  await mkdir(join(site, "notebooks"));
  await mkdir(join(folder, "vm"));
  await writeFile(join(folder, "secret.txt"), "secret");
  await writeFile(join(folder, "vm/manifest.json"), '{"parts":[]}');
  await writeFile(join(site, "index.html"), "<!doctype html>home");
  await writeFile(join(site, ".hidden"), "hidden");
  await writeFile(join(site, "app/assets/main-BxY12_ab.js"), "export {}");
  await writeFile(join(site, "app/plain.js"), "0123456789");
  await writeFile(join(site, "app/plain.js.br"), "packed-br");
  await writeFile(join(site, "app/plain.js.gz"), "packed-gz");
  await writeFile(join(site, "app/old.css"), "new");
  await writeFile(join(site, "app/old.css.br"), "old");
  await utimes(join(site, "app/old.css.br"), 1, 1);
  await writeFile(join(site, "empty.wasm"), "");
  await writeFile(join(site, "notebooks/a b.ipynb"), "{}");
  await symlink(join(folder, "secret.txt"), join(site, "link.txt"));
  const handler = createSiteHandler({ site, vmImage: () => Promise.resolve(image), anyHost: false });
  server = createServer(handler).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

describe("the site's server", () => {
  it("isolates every page and file, and lets none be taken for something else", async () => {
    for (const path of ["/", "/app/plain.js", "/missing"]) {
      expect((await get(path)).headers).toMatchObject({
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-embedder-policy": "credentialless",
        "cross-origin-resource-policy": "cross-origin",
        "x-content-type-options": "nosniff",
      });
    }
  });

  it("gives the page at the root, whatever its query", async () => {
    const answer = await get("/?path=notebooks/welcome.ipynb");
    expect(answer).toMatchObject({ status: 200, body: "<!doctype html>home" });
    expect(answer.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(answer.headers["cache-control"]).toBe("no-cache");
  });

  it("knows the types of what it serves, and decodes names", async () => {
    expect((await get("/app/plain.js")).headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect((await get("/empty.wasm")).headers["content-type"]).toBe("application/wasm");
    expect(await get("/notebooks/a%20b.ipynb")).toMatchObject({ status: 200, body: "{}" });
  });

  it("lets files with a hash in their name be kept for ever, and no others", async () => {
    expect((await get("/app/assets/main-BxY12_ab.js")).headers["cache-control"]).toContain("immutable");
    expect((await get("/app/plain.js")).headers["cache-control"]).toBe("no-cache");
  });

  it("answers 304 to a reader who has the file", async () => {
    const { headers } = await get("/app/plain.js");
    const again = await get("/app/plain.js", { "If-None-Match": `W/${headers.etag}` });
    expect(again).toMatchObject({ status: 304, body: "" });
    expect((await get("/app/plain.js", { "If-None-Match": '"other"' })).status).toBe(200);
    const since = String(headers["last-modified"]);
    expect((await get("/app/plain.js", { "If-Modified-Since": since })).status).toBe(304);
  });

  it("gives the compressed neighbour to those who take it, unless it is older", async () => {
    const packed = await get("/app/plain.js", { "Accept-Encoding": "gzip, br" });
    expect(packed.body).toBe("packed-br");
    expect(packed.headers).toMatchObject({ "content-encoding": "br", vary: "Accept-Encoding" });
    expect(packed.headers["content-type"]).toBe("text/javascript; charset=utf-8");
    expect((await get("/app/plain.js", { "Accept-Encoding": "gzip, br;q=0" })).body).toBe("packed-gz");
    expect((await get("/app/plain.js")).headers.etag).not.toBe(packed.headers.etag);
    expect((await get("/app/old.css", { "Accept-Encoding": "br" })).body).toBe("new");
  });

  it("gives parts of a file", async () => {
    const part = async (range: string, more: Record<string, string> = {}) => {
      const { status, body, headers } = await get("/app/plain.js", { Range: range, "Accept-Encoding": "br", ...more });
      return [status, body, headers["content-range"]];
    };
    expect(await part("bytes=2-4")).toEqual([206, "234", "bytes 2-4/10"]);
    expect(await part("bytes=7-")).toEqual([206, "789", "bytes 7-9/10"]);
    expect(await part("bytes=-3")).toEqual([206, "789", "bytes 7-9/10"]);
    expect(await part("bytes=5-99")).toEqual([206, "56789", "bytes 5-9/10"]);
    expect((await part("bytes=10-"))[0]).toBe(416);
    expect(await part("bytes=0-1,3-4")).toEqual([200, "0123456789", undefined]);
    expect((await part("bytes=2-4", { "If-Range": '"other"' }))[0]).toBe(200);
  });

  it("answers HEAD with headers only, and other methods not at all", async () => {
    const head = await get("/app/plain.js", {}, "HEAD");
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.headers["content-length"]).toBe("10");
    const post = await get("/app/plain.js", {}, "POST");
    expect(post.status).toBe(405);
    expect(post.headers.allow).toBe("GET, HEAD");
  });

  it("never leaves its folder", async () => {
    const paths = [
      "/../secret.txt",
      "/app/../../secret.txt",
      "/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/app/%2e%2e%2f%2e%2e%2fsecret.txt",
      "/..%5csecret.txt",
      "//secret.txt",
      "/link.txt",
      "/.hidden",
      "/%00",
      "/%",
      "/app",
    ];
    for (const path of paths) {
      const { status, body } = await get(path);
      expect([400, 404], path).toContain(status);
      expect(body, path).not.toContain("secret");
    }
  });

  it("answers to this machine's names only", async () => {
    for (const host of ["localhost:8040", "127.0.0.1", "[::1]:8040", "kroma.localhost"]) {
      expect((await get("/", { Host: host })).status, host).toBe(200);
    }
    for (const host of ["evil.example", "localhost.evil.example", "10.0.0.1:8040", "127.0.0.1.evil.example"]) {
      expect((await get("/", { Host: host })).status, host).toBe(421);
    }
  });

  it("says as JSON that there is no Linux image, and serves it once there is", async () => {
    image = undefined;
    const missing = await get("/assets/vm/manifest.json");
    expect(missing.status).toBe(404);
    expect(JSON.parse(missing.body)).toMatchObject({ code: "missing" });
    image = join(folder, "vm");
    expect(await get("/assets/vm/manifest.json")).toMatchObject({ status: 200, body: '{"parts":[]}' });
    expect((await get("/assets/vm/../secret.txt")).status).toBe(400);
  });
});
