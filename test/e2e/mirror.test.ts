/** `kroma mirror` as a process of its own: what it serves, who passes through it, what it keeps, and how it ends. */
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Link } from "#core/mesh/link.ts";
import { startLibp2p } from "#plugins/libp2p/index.ts";
import type { RunningLibp2p } from "#plugins/libp2p/transport.ts";
import { findMirror } from "#plugins/libp2p/mirror-address.ts";
import { kroma } from "./kroma-process.ts";
import { type RunningMirror, startMirrorProcess } from "./mirror-process.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kroma-mirror-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const running: RunningMirror[] = [];
const peers: RunningLibp2p[] = [];
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  await Promise.all(running.splice(0).map((one) => one.end("SIGKILL")));
});

async function mirror(port = 0, ...args: readonly string[]): Promise<RunningMirror> {
  const one = await startMirrorProcess(folder, port, ...args);
  running.push(one);
  return one;
}

/** A peer with the mirror as its relay; `reachable` is an address that others can use. */
async function peer(target: string, onLink: (link: Link) => void = () => undefined) {
  const reachable = Promise.withResolvers<string>();
  const made = await startLibp2p({
    targets: [target],
    iceServers: [],
    listen: ["/webrtc"],
    onLink,
    onState: ({ addresses }) => {
      const found = addresses.find((address) => address.includes("/p2p-circuit/p2p/"));
      if (found !== undefined) reachable.resolve(found);
    },
  });
  peers.push(made);
  return { made, reachable: reachable.promise };
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
}

describe("kroma mirror", () => {
  it("serves the page, tells where its peer is and how it does, to this machine only", async () => {
    const one = await mirror();
    expect(new URL(one.url).hostname).toBe("127.0.0.1");
    const page = await fetch(`${one.url}/`);
    expect(page.status).toBe(200);
    expect(page.headers.get("cross-origin-embedder-policy")).toBe("credentialless");
    const health = (await (await fetch(`${one.url}/healthz`)).json()) as unknown;
    expect(health).toMatchObject({ status: "ok", connections: 0 });
    const told = (await (await fetch(`${one.url}/.well-known/kroma-mirror.json`)).json()) as {
      readonly version: number;
      readonly peer: string;
      readonly addresses: readonly string[];
    };
    const { port } = new URL(one.url);
    expect(told.version).toBe(1);
    expect(told.addresses).toEqual([
      `/ip4/127.0.0.1/tcp/${port}/ws/p2p/${told.peer}`,
      expect.stringMatching(
        new RegExp(`^/ip4/127\\.0\\.0\\.1/udp/${port}/webrtc-direct/certhash/u[\\w-]+/p2p/${told.peer}$`),
      ),
    ]);
    expect(await findMirror(one.url)).toBe(told.addresses[0]);
    expect(await metric(one.url, "kroma_mirror_connections")).toBe(0);
    expect(await metric(one.url, "kroma_mirror_start_time_seconds")).toBeGreaterThan(1e9);
  });

  it("refuses pages of other sites, by their name and by their origin, while only this machine is to reach it", async () => {
    const one = await mirror();
    const { port } = new URL(one.url);
    const ask = async (headers: string) => {
      const socket = connect(Number(port), "127.0.0.1");
      socket.write(
        `GET / HTTP/1.1\r\n${headers}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
      );
      const [answer] = (await once(socket, "data")) as [Buffer];
      socket.destroy();
      return answer.toString().split("\r\n", 1)[0];
    };
    expect(await ask("Host: evil.example")).toContain("403");
    expect(await ask(`Host: 127.0.0.1:${port}\r\nOrigin: https://evil.example`)).toContain("403");
    expect(await ask(`Host: 127.0.0.1:${port}\r\nOrigin: http://127.0.0.1:${port}`)).toContain("101");
    for (const path of ["/metrics", "/healthz", "/.well-known/kroma-mirror.json"]) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.write(`GET ${path} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n`);
      const [answer] = (await once(socket, "data")) as [Buffer];
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 421/);
    }
  });

  it("passes two peers on to each other, and is reached again by itself after a restart at the same addresses", async () => {
    const first = await mirror();
    const address = (await findMirror(first.url)) ?? "";
    const got = Promise.withResolvers<Link>();
    const called = await peer(address, (one) => one.path !== "server" && got.resolve(one));
    const reachable = await called.reachable;
    const caller = await peer(address);
    caller.made.reach(reachable);
    const link = await got.promise;
    expect(link.remote).toBe(caller.made.peer);
    expect(await metric(first.url, "kroma_mirror_reservations")).toBe(2);
    expect(await metric(first.url, "kroma_mirror_received_bytes_total")).toBeGreaterThan(1000);
    const port = Number(new URL(first.url).port);
    expect(await first.end("SIGKILL")).toBeNull();
    const again = await mirror(port);
    expect(await findMirror(again.url)).toBe(address);
    await expect.poll(() => metric(again.url, "kroma_mirror_reservations"), { timeout: 60_000 }).toBe(2);
    await expect
      .poll(() => called.made.state.addresses.some((one) => one.includes("/p2p-circuit/")), { timeout: 10_000 })
      .toBe(true);
  });

  it("keeps its identity where nobody else reads it, and says so when it is damaged", async () => {
    const one = await mirror();
    const address = await findMirror(one.url);
    expect(await one.end()).toBe(0);
    expect(one.said()).not.toContain("PRIVATE");
    const path = join(folder, "identity.json");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const kept = await readFile(path, "utf8");
    const again = await mirror(Number(new URL(one.url).port));
    expect(await findMirror(again.url)).toBe(address);
    await again.end();
    await writeFile(path, kept.slice(0, 40));
    const damaged = await kroma(["mirror", "--data", folder, "--port", "0"]);
    expect(damaged).toMatchObject({ code: 2, stderr: expect.stringContaining("identity can't be read") });
    await writeFile(path, kept);
  });

  it("says goodbye when it is stopped, and refuses a port that is taken", async () => {
    const one = await mirror();
    const address = (await findMirror(one.url)) ?? "";
    const state = Promise.withResolvers<string>();
    const made = await startLibp2p({
      targets: [address],
      iceServers: [],
      listen: ["/webrtc"],
      onState: ({ targets: [target] }) => {
        if (target?.status === "waiting") state.resolve(target.trouble ?? "");
      },
    });
    peers.push(made);
    await expect.poll(() => made.state.targets[0]?.status).toBe("connected");
    const { port } = new URL(one.url);
    const taken = await kroma(["mirror", "--data", folder, "--port", port]);
    expect(taken).toMatchObject({ code: 2, stderr: expect.stringContaining(`port ${port} is taken`) });
    expect(await one.end("SIGINT")).toBe(0);
    expect(await state.promise).not.toBe("");
  });

  it("says what is wrong with its options", async () => {
    expect(await kroma(["mirror", "--port", "x"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--port"),
    });
    expect(await kroma(["mirror", "--public", "ftp://a"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--public takes an address"),
    });
    expect(await kroma(["mirror", "--verbose"])).toMatchObject({ code: 2, stderr: expect.stringContaining("mirror:") });
  });
});
