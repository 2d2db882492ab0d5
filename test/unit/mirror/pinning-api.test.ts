/** Pinning on a mirror, over real HTTP, with the client of the API's makers. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sourceOfOrigins, urlOf } from "#app/node/mirror/origins.ts";
import { realClock } from "#core/mesh/clock.ts";
import { exportCar } from "#core/store/car.ts";
import { storedName } from "#core/store/cid.ts";
import { walkBlocks } from "#core/store/walk.ts";
import { missingBlocks } from "#plugins/pinning/send-blocks.ts";
import { PinService } from "#plugins/pinning/service.ts";
import { BIG, gatewayOf, publication } from "./gateway-kit.ts";
import { publishedMirror, type PublishedMirror } from "./published-kit.ts";

let mirror: PublishedMirror;
let service: PinService;
beforeEach(async () => {
  mirror = await publishedMirror();
  service = await serviceFor("ada");
});
afterEach(() => mirror.remove());

const serviceFor = async (name: string, quota?: number): Promise<PinService> =>
  new PinService({ endpoint: `${mirror.url}/pinning`, token: await mirror.published.tokens.make(name, quota) });
const carOf = async ({ store, published }: Awaited<ReturnType<typeof publication>>): Promise<Blob> => {
  const pieces: BlobPart[] = [];
  for await (const piece of exportCar([published.root, published.directory], store)) pieces.push(piece.slice());
  return new Blob(pieces);
};
const PATIENCE = { timeout: 60_000 };
const refusal = (code: string) => expect.objectContaining({ code });

describe("pinning on a mirror", () => {
  it("keeps what is sent along, shows it, and tells who signed it", async () => {
    const made = await publication();
    const { directory, root, envelope } = made.published;
    expect(await service.takesBlocks()).toBe(true);
    await service.send(await carOf(made));
    const added = await service.add({ cid: directory, name: "Weather" });
    expect(added).toMatchObject({ cid: directory, name: "Weather", delegates: ["/ip4/127.0.0.1/tcp/1/ws"] });
    await expect.poll(async () => (await service.get(added.requestid, directory)).status).toBe("pinned");
    expect((await mirror.get(`/ipfs/${directory}/`)).body.toString()).toContain("Weather");
    expect(JSON.parse((await mirror.get(`/kroma/envelopes/${root}`)).body.toString())).toEqual([envelope]);
  });

  it("keeps what came before a break, and is sent only the rest", async () => {
    const made = await publication();
    const { directory } = made.published;
    const whole = new Uint8Array(await (await carOf(made)).arrayBuffer());
    let sent: ReadableStreamDefaultController<Uint8Array> | undefined;
    const breaking = service.send(new ReadableStream({ start: (controller) => void (sent = controller) }));
    breaking.catch(() => undefined);
    sent?.enqueue(whole.slice(0, whole.length * 0.7));
    const names: string[] = [];
    for await (const { cid } of walkBlocks([directory], made.store)) names.push(cid);
    // Once some of it has arrived the sender is gone.
    await expect.poll(async () => (await service.missing(names))?.length, PATIENCE).toBeLessThan(names.length);
    sent?.error(new Error("the tab is closed"));
    await expect(breaking).rejects.toThrow();
    const rest = await service.missing(names);
    expect(rest?.length).toBeGreaterThan(0);
    const pieces: BlobPart[] = [];
    for await (const piece of (await missingBlocks(service, directory, made.store)) ?? []) pieces.push(piece.slice());
    expect(new Blob(pieces).size).toBeLessThan(whole.length * 0.8);
    await service.send(new Blob(pieces));
    expect(await missingBlocks(service, directory, made.store)).toBeUndefined();
    const { requestid } = await service.add({ cid: directory });
    await expect.poll(async () => (await service.get(requestid, directory)).status, PATIENCE).toBe("pinned");
    expect((await mirror.get(`/ipfs/${directory}/workspace/big.bin`)).body.length).toBe(BIG.length);
    await expect(service.missing([])).resolves.toEqual([]);
    expect((await mirror.get("/kroma/missing", {}, "POST")).status).toBe(401);
  });

  it("fetches what is not sent from where the request says", async () => {
    const { store, published } = await publication();
    const origin = await gatewayOf(store);
    const { port } = new URL(origin.url);
    const { requestid } = await service.add({ cid: published.directory, origins: [`/ip4/127.0.0.1/tcp/${port}/http`] });
    await expect.poll(async () => (await service.get(requestid, published.directory)).status).toBe("pinned");
    await origin.close();
    expect((await mirror.get(`/ipfs/${published.directory}/notebook.ipynb`)).status).toBe(200);
  });

  it("fetches it from the peers that the request names, and from whoever is connected", async () => {
    const { store, published } = await publication();
    const connected: string[] = [];
    const peers = {
      source: { name: "peers", get: (cid: string) => store.get(cid) },
      connect: async (address: string) => {
        connected.push(address);
        if (address.includes("203.0.113.9")) throw new Error("nobody there");
      },
    };
    await mirror.remove();
    mirror = await publishedMirror({ peers });
    service = await serviceFor("ada");
    const peer = "/p2p/12D3KooWG7ck8h3mEAG4v56qvgZ3BMjdcRuNctSeRTLs7NGd6xoQ";
    const origins = [`/ip4/127.0.0.1/tcp/8050/ws${peer}`, `/ip4/203.0.113.9/tcp/8050/ws${peer}`, peer];
    const { requestid } = await service.add({ cid: published.directory, origins });
    await expect.poll(async () => (await service.get(requestid, published.directory)).status).toBe("pinned");
    expect(connected.sort()).toEqual(origins.slice(0, 2).sort());
    await mirror.remove();
    mirror = await publishedMirror({ peers, isOpen: true });
    service = await serviceFor("ada");
    connected.length = 0;
    const again = await service.add({ cid: published.directory, origins: origins.slice(0, 1) });
    await expect.poll(async () => (await service.get(again.requestid, published.directory)).status).toBe("pinned");
    expect(connected).toEqual([]);
  });

  it("tries again while nobody has it, and goes on after it was started anew", async () => {
    const made = await publication();
    const { directory } = made.published;
    const token = await mirror.published.tokens.make("bob");
    const bobs = new PinService({ endpoint: `${mirror.url}/pinning`, token });
    const { requestid } = await bobs.add({ cid: directory });
    await expect.poll(async () => (await bobs.get(requestid, directory)).details).toContain("is not here");
    await mirror.close();
    mirror = await publishedMirror({ folder: mirror.folder });
    const again = new PinService({ endpoint: `${mirror.url}/pinning`, token });
    await again.send(await carOf(made));
    await expect.poll(async () => (await again.get(requestid, directory)).status).toBe("pinned");
  });

  it("gives up after a day, and lets go of what came of it", async () => {
    let now = Date.now();
    const waiting: (() => void)[] = [];
    const clock = {
      ...realClock,
      now: () => now,
      after: (_ms: number, work: () => void) => (waiting.push(work), () => undefined),
    };
    await mirror.remove();
    mirror = await publishedMirror({ clock });
    service = await serviceFor("ada");
    const { published } = await publication();
    const { requestid } = await service.add({ cid: published.directory });
    await expect.poll(() => waiting.length).toBe(1);
    now += 24 * 3_600_000;
    waiting.pop()?.();
    await expect.poll(async () => (await service.get(requestid, published.directory)).status).toBe("failed");
  });

  it("removes the blocks with the last pin that keeps them, and nothing that another keeps", async () => {
    const made = await publication();
    const { directory } = made.published;
    const bobs = await serviceFor("bob");
    await service.send(await carOf(made));
    const [first, second] = [await service.add({ cid: directory }), await bobs.add({ cid: directory })];
    await expect.poll(async () => (await bobs.get(second.requestid, directory)).status).toBe("pinned");
    // A day later what was only sent is garbage.
    await mirror.published.close();
    await mirror.close().catch(() => undefined);
    const later = Date.now() + 25 * 3_600_000;
    mirror = await publishedMirror({ folder: mirror.folder, clock: { ...realClock, now: () => later } });
    const names = async () => {
      let count = 0;
      for await (const _name of mirror.published.blocks.list()) count += 1;
      return count;
    };
    const all = await names();
    expect(await mirror.published.requests.remove("ada", first.requestid)).toBe(true);
    expect(await mirror.published.blocks.has(directory)).toBe(true);
    expect(await names()).toBe(all);
    expect(await mirror.published.requests.remove("bob", first.requestid)).toBe(false);
    await mirror.published.requests.remove("bob", second.requestid);
    await expect.poll(names).toBe(0);
  });

  it("keeps no more than a holder may, sent or fetched, and says so", async () => {
    const made = await publication();
    const poor = await serviceFor("eve", 100_000);
    await expect(poor.send(await carOf(made))).rejects.toThrow(refusal("exhausted"));
    const origin = await gatewayOf(made.store);
    const { port } = new URL(origin.url);
    const { requestid } = await poor.add({
      cid: made.published.directory,
      origins: [`/ip4/127.0.0.1/tcp/${port}/http`],
    });
    await expect
      .poll(async () => poor.get(requestid, made.published.directory))
      .toMatchObject({ status: "failed", details: expect.stringContaining("bytes") });
    await origin.close();
  });

  it("lists, filters and replaces requests, each holder's own", async () => {
    const token = await mirror.published.tokens.make("ada");
    service = new PinService({ endpoint: `${mirror.url}/pinning`, token });
    const made = await publication();
    await service.send(await carOf(made));
    const { directory, root } = made.published;
    const first = await service.add({ cid: directory, name: "Weather 1" });
    await service.add({ cid: root, name: "weather 2" });
    await expect.poll(async () => (await service.find(root))[0]?.status).toBe("pinned");
    await expect.poll(async () => (await service.find(directory))[0]?.status).toBe("pinned");
    const list = async (query: string) => {
      const answer = await mirror.get(`/pinning/pins?${query}`, { Authorization: `Bearer ${token}` });
      const { count, results = [] } = JSON.parse(answer.body.toString()) as {
        count?: number;
        results?: { pin: { name: string } }[];
      };
      return [answer.status, count, ...results.map(({ pin }) => pin.name)];
    };
    expect(await list("")).toEqual([200, 2, "weather 2", "Weather 1"]);
    expect(await list("limit=1")).toEqual([200, 2, "weather 2"]);
    expect(await list("name=Weather&match=partial")).toEqual([200, 1, "Weather 1"]);
    expect(await list("name=WEATHER&match=ipartial")).toEqual([200, 2, "weather 2", "Weather 1"]);
    expect(await list("name=weather+2")).toEqual([200, 1, "weather 2"]);
    expect(await list(`cid=${root}&status=pinned,failed`)).toEqual([200, 1, "weather 2"]);
    expect(await list("status=queued&status=failed")).toEqual([200, 0]);
    expect(await list("before=2020-07-27T17:32:28Z")).toEqual([200, 0]);
    expect(await list(`meta=${encodeURIComponent('{"app":"x"}')}`)).toEqual([200, 0]);
    for (const wrong of ["status=nonsense", "limit=0", "cid=nonsense", "meta=nonsense", "before=x", "match=x&name=y"])
      expect(await list(wrong)).toEqual([400, undefined]);
    const replaced = await service.replace(first.requestid, { cid: directory, name: "Weather 3" });
    expect(replaced.requestid).not.toBe(first.requestid);
    await expect(service.get(first.requestid, directory)).rejects.toThrow(refusal("missing"));
    const bobs = await serviceFor("bob");
    await expect(bobs.get(replaced.requestid, directory)).rejects.toThrow(refusal("missing"));
    expect(await bobs.remove(replaced.requestid)).toBe(false);
  });

  it("takes no request without a token, with one that was taken away, or that is no request", async () => {
    const { directory } = (await publication()).published;
    const stranger = new PinService({ endpoint: `${mirror.url}/pinning`, token: "nobody" });
    await expect(stranger.add({ cid: directory })).rejects.toThrow(refusal("denied"));
    await expect(stranger.send(new Blob(["x"]))).rejects.toThrow(refusal("denied"));
    expect(await stranger.takesBlocks()).toBe(false);
    await mirror.published.tokens.remove("ada");
    await expect(service.find(directory)).rejects.toThrow(refusal("denied"));
    const bobs = await serviceFor("bob");
    await expect(bobs.add({ cid: "nonsense" })).rejects.toThrow(refusal("denied"));
    await expect(bobs.send(new Blob(["no CAR file"]))).rejects.toThrow(refusal("denied"));
    const answer = await mirror.get("/pinning/pins", { Host: "rebound.example" });
    expect(answer.status).toBe(421);
  });

  it("keeps only hashes of tokens", async () => {
    const token = await mirror.published.tokens.make("carol");
    const { readFile } = await import("node:fs/promises");
    const file = await readFile(`${mirror.folder}/pin-tokens.json`, "utf8");
    expect(file).toContain("carol");
    expect(file).not.toContain(token);
    await expect(mirror.published.tokens.make("a b")).rejects.toThrow(refusal("invalid"));
  });

  it("gives nothing that its owner denies", async () => {
    const { directory } = (await publication()).published;
    expect(mirror.published.isDenied(storedName(directory))).toBe(false);
    await mirror.close();
    const { writeFile } = await import("node:fs/promises");
    await writeFile(`${mirror.folder}/denied.txt`, `# by law\n${directory} asked for on 2 May\n`);
    mirror = await publishedMirror({ folder: mirror.folder });
    expect((await mirror.get(`/ipfs/${directory}/`)).status).toBe(410);
  });
});

describe("origins", () => {
  it("are gateways, and for a mirror that serves others never its own network", () => {
    expect(urlOf("/dns4/gateway.example/tcp/443/https")).toBe("https://gateway.example/");
    expect(urlOf("/ip6/::1/tcp/8051/http")).toBe("http://[::1]:8051/");
    expect(urlOf("/ip4/203.0.113.4/udp/4001/quic-v1")).toBeUndefined();
    expect(urlOf("nonsense")).toBeUndefined();
    for (const inside of [
      "/ip4/127.0.0.1/tcp/80/http",
      "/ip4/10.1.2.3/tcp/80/http",
      "/ip4/169.254.169.254/tcp/80/http",
      "/ip6/::1/tcp/80/http",
      "/ip6/fd00::1/tcp/80/http",
      "/ip6/::ffff:7f00:1/tcp/80/http",
      "/dns/localhost/tcp/80/http",
      "/dns4/router/tcp/80/http",
    ]) {
      expect(sourceOfOrigins([inside], true)).toBeUndefined();
      expect(sourceOfOrigins([inside], false)).toBeDefined();
    }
    expect(sourceOfOrigins(["/dns4/gateway.example/tcp/443/https"], true)).toBeDefined();
  });
});
