/** The machine's way to the web (kernels/shell/web.ts, proxy.ts), with servers of this computer's loopback. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GuestStreamHandle, StreamListener } from "#kernels/shell/mux.ts";
import { proxyConnection, readQuestion } from "#kernels/shell/proxy.ts";
import { isAllowed, Web } from "#kernels/shell/web.ts";

let server: Server;
let host: string;
const seen: { method: string; url: string; headers: Record<string, unknown>; body: string }[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      seen.push({ method: request.method ?? "", url: request.url ?? "", headers: request.headers, body });
      if (request.url === "/away")
        response.writeHead(302, { Location: `http://localhost:${host.split(":")[1]}/else` }).end();
      else if (request.url === "/big") response.end(Buffer.alloc(5_000_000, "x"));
      else response.writeHead(200, { "Content-Type": "text/plain", "X-A": "b" }).end(`${request.method} ${body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const { signal } = new AbortController();

describe("the web", () => {
  test("is closed but for hosts that were allowed, by name, by port or below a name", () => {
    const allows = (url: string, ...list: string[]): boolean => isAllowed(new URL(url), list);
    expect(allows("http://example.org/x", "example.org")).toBe(true);
    expect(allows("https://EXAMPLE.org:8443/x", "Example.ORG")).toBe(true);
    expect(allows("http://example.org:81/", "example.org:80")).toBe(false);
    expect(allows("http://a.example.org/", "*.example.org")).toBe(true);
    expect(allows("http://example.org/", "*.example.org")).toBe(false);
    expect(allows("http://badexample.org/", "*.example.org")).toBe(false);
    expect(allows("http://example.org.evil.net/", "example.org")).toBe(false);
    expect(allows("http://example.org/")).toBe(false);
  });

  test("tells a host that is wanted once, and asks it when it was allowed", async () => {
    const wanted: string[] = [];
    const web = new Web([], { onWanted: (name) => wanted.push(name) });
    const ask = () =>
      web.ask(
        {
          url: `http://${host}/`,
          method: "GET",
          headers: [
            ["X-B", "1"],
            ["Cookie", "no"],
            ["Host", "no"],
          ],
        },
        signal,
      );
    await expect(ask()).rejects.toThrow(`may not reach ${host} yet`);
    await expect(ask()).rejects.toThrow(/--allow-net/);
    expect(wanted).toEqual([host]);
    web.allow([host]);
    expect(await (await ask()).text()).toBe("GET ");
    expect(seen.at(-1)?.headers).toMatchObject({ "x-b": "1", host });
    expect(seen.at(-1)?.headers["cookie"]).toBeUndefined();
    web.allow([]);
    await expect(ask()).rejects.toThrow(/may not reach/);
    expect(wanted).toEqual([host, host]);
  });

  test("gives nothing of a host that was not allowed, though one that was sends there", async () => {
    const web = new Web([host], { onWanted: () => undefined });
    await expect(web.ask({ url: `http://${host}/away`, method: "GET", headers: [] }, signal)).rejects.toThrow(
      /may not reach localhost/,
    );
  });

  test("refuses what is no web address, and says when nobody answers", async () => {
    const web = new Web(["127.0.0.1"], { onWanted: () => undefined });
    const ask = (url: string) => web.ask({ url, method: "GET", headers: [] }, signal);
    await expect(ask("file:///etc/passwd")).rejects.toThrow(/only http and https/);
    await expect(ask("nonsense")).rejects.toThrow(/not an address/);
    await expect(ask("http://a:b@127.0.0.1/")).rejects.toThrow(/password/);
    await expect(ask("http://127.0.0.1:1/")).rejects.toThrow(/cannot reach 127.0.0.1:1/);
  });
});

/** A program at the proxy, played by the test. */
function program(web: Web) {
  const pieces: Uint8Array[] = [];
  const tunnels: string[] = [];
  const dialled: number[] = [];
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const handle = {
    write: (bytes: Uint8Array) => pieces.push(bytes.slice()),
    consumed: () => undefined,
    close: () => end(),
    end: () => end(),
    queued: 0,
  };
  const listener: StreamListener = proxyConnection(handle as unknown as GuestStreamHandle, {
    web,
    onTunnel: (name) => tunnels.push(name),
    dial: (port, server) => {
      dialled.push(port);
      queueMicrotask(() => {
        server.onData("out", text("HTTP/1.1 200 OK\r\n\r\nown"));
        server.onGone?.();
      });
      return handle as unknown as GuestStreamHandle;
    },
  });
  return {
    listener,
    handle,
    tunnels,
    dialled,
    say: (words: string) => listener.onData("out", text(words)),
    answer: async () => {
      await ended;
      return Buffer.concat(pieces).toString();
    },
    size: () => pieces.reduce((sum, piece) => sum + piece.length, 0),
  };
}

describe("the proxy", () => {
  const open = () => new Web([host], { onWanted: () => undefined });

  test("asks for a program, with its method and body, and hands the answer on", async () => {
    const { say, answer } = program(open());
    say(`POST http://${host}/form?a=1 HTTP/1.1\r\nHost: ${host}\r\nContent-Type: text/x\r\nContent-Le`);
    say("ngth: 6\r\nProxy-Connection: keep-alive\r\n\r\nbo");
    say("dy=1");
    const said = await answer();
    expect(said).toMatch(/^HTTP\/1\.1 200 OK\r\nConnection: close\r\n/);
    expect(said).toMatch(/\r\nx-a: b\r\n/);
    expect(said.endsWith("\r\n\r\nPOST body=1")).toBe(true);
    expect(seen.at(-1)).toMatchObject({
      method: "POST",
      url: "/form?a=1",
      body: "body=1",
      headers: { "content-type": "text/x" },
    });
  });

  test("waits while the program does not read", async () => {
    const { say, handle, listener, size, answer } = program(open());
    handle.queued = 2_000_000;
    say(`GET http://${host}/big HTTP/1.1\r\n\r\n`);
    await expect.poll(size, { timeout: 20_000 }).toBeGreaterThan(1000);
    const held = size();
    expect(held).toBeLessThan(1_000_000);
    handle.queued = 0;
    listener.onTaken?.();
    expect((await answer()).length).toBeGreaterThan(5_000_000);
  });

  test("says in words why it cannot: a host that is not allowed, a tunnel for https, no proxy's request", async () => {
    const closed = program(new Web([], { onWanted: () => undefined }));
    closed.say("GET http://example.org/ HTTP/1.1\r\n\r\n");
    expect(await closed.answer()).toMatch(/^HTTP\/1\.1 403 Forbidden[^]*may not reach example\.org yet/);
    const tunnel = program(open());
    tunnel.say("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n");
    expect(await tunnel.answer()).toMatch(/^HTTP\/1\.1 501 Not Implemented[^]*kroma fetch https:\/\/example\.org/);
    expect(tunnel.tunnels).toEqual(["example.org"]);
    const direct = program(open());
    direct.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    expect(await direct.answer()).toMatch(/^HTTP\/1\.1 400[^]*not a server/);
  });

  test("gives the machine's own servers to programs that know no exceptions", async () => {
    const { say, answer, dialled } = program(open());
    say("GET http://localhost:8000/x HTTP/1.1\r\n\r\n");
    expect(await answer()).toContain("own");
    expect(dialled).toEqual([8000]);
  });

  test("reads requests cut anywhere, and never throws at hostile ones", () => {
    const whole = `PUT http://h/x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc`;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length }), (cut) => {
        const question = readQuestion(text(whole.slice(0, cut)));
        expect(question === undefined).toBe(cut < whole.length);
      }),
    );
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.constantFrom("GET http://h/ HTTP/1.1\r\n", "\r\n\r\n", "A: b\r\n", "Content-Length: -1\r\n").map(text),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
        const { listener, handle } = program(new Web([], { onWanted: () => undefined }));
        for (const bytes of pieces) listener.onData("out", bytes);
        listener.onGone?.();
        expect(handle.queued).toBe(0);
      }),
    );
  });
});
