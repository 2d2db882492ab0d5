/** The gateway over real HTTP, after https://specs.ipfs.tech/http-gateways/path-gateway/ and trustless-gateway/. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Published } from "#core/artefact/publish.ts";
import { resolvePath } from "#core/artefact/unixfs.ts";
import { importCar, openCar } from "#core/store/car.ts";
import { blockCid, checkForeignBlock, storedName } from "#core/store/cid.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { walkBlocks } from "#core/store/walk.ts";
import { BIG, gatewayOf, publication, type Answer, type Server } from "./gateway-kit.ts";

let store: MemoryBlockStore;
let published: Published;
let gateway: Server;

beforeAll(async () => {
  ({ store, published } = await publication());
  gateway = await gatewayOf(store, {
    envelopes: async (root) => (root === published.root ? [published.envelope] : []),
  });
});
afterAll(() => gateway.close());

const cidsOf = async ({ body }: Answer): Promise<readonly string[]> => {
  const { blocks } = await openCar((async function* () { yield body; })()); // prettier-ignore
  const cids: string[] = [];
  for await (const { cid, bytes } of blocks) {
    await checkForeignBlock(cid, bytes);
    cids.push(cid);
  }
  return cids;
};
const entry = async (path: string): Promise<string> => (await resolvePath(published.directory, path, store))!;

describe("a reader", () => {
  it("sees the page of a publication, in a sandbox, without credentials, and may keep it", async () => {
    const { status, headers, body } = await gateway.get(`/ipfs/${published.directory}/`);
    expect(status).toBe(200);
    expect(body.toString()).toContain("<title>Weather</title>");
    expect(headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(headers["content-security-policy"]).toMatch(/^sandbox allow-downloads;.*script-src 'none'/);
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["set-cookie"]).toBeUndefined();
    expect(headers["access-control-allow-credentials"]).toBeUndefined();
    expect(headers["cache-control"]).toBe("public, max-age=29030400, immutable");
    expect(headers["x-ipfs-path"]).toBe(`/ipfs/${published.directory}/`);
    expect(headers["x-ipfs-roots"]).toBe(published.directory);
    expect(headers["link"]).toBe(`<ipfs://${published.directory}>; rel="canonical"`);
    expect(headers["etag"]).toBe(`"${await entry("index.html")}"`);
  });

  it("who would run it is told that nothing runs here, and led to a Kroma that can", async () => {
    const content = new TextEncoder().encode("<script src=app.js></script>");
    const { store: blocks, published: copy } = await publication([{ path: "kroma/index.html", content }]);
    const other = await gatewayOf(blocks, { app: "https://kroma.example/" });
    const path = `/ipfs/${copy.directory}/kroma/index.html`;
    const { status, body } = await other.get(`${path}?published`, { accept: "text/html,*/*" });
    expect(status).toBe(200);
    expect(body.toString()).toContain("runs nothing");
    expect(body.toString()).toContain(`href="https://kroma.example/#/artefact/${copy.directory}"`);
    expect(body.toString()).not.toContain("<script");
    // Programs, and who asks for the file itself, get it.
    expect((await other.get(`${path}?published`)).body.toString()).toContain("<script");
    expect((await other.get(path, { accept: "text/html" })).body.toString()).toContain("<script");
    await other.close();
  });

  it("is led to a directory's own address, with its parameters", async () => {
    const { status, headers } = await gateway.get(`/ipfs/${published.directory}/workspace?x=1`);
    expect([status, headers.location]).toEqual([301, `/ipfs/${published.directory}/workspace/?x=1`]);
  });

  it("sees what is in a directory without a page, its names as text", async () => {
    const { status, headers, body } = await gateway.get(`/ipfs/${published.directory}/workspace/`);
    expect(status).toBe(200);
    expect(body.toString()).toContain('<a href="./a%20b%20%26%20%3Cc%3E.txt">a b &#38; &#60;c&#62;.txt</a>');
    expect(headers["cache-control"]).not.toContain("immutable");
    expect(headers["etag"]).toMatch(/^"DirIndex-\w+_CID-bafy/);
    const file = await gateway.get(`/ipfs/${published.directory}/workspace/a%20b%20%26%20%3Cc%3E.txt`);
    expect([file.status, file.body.toString()]).toEqual([200, "hello"]);
    expect(String(file.headers["x-ipfs-roots"]).split(",")).toHaveLength(3);
  });

  it("comes from an artefact's root to its page", async () => {
    const html = { Accept: "text/html,*/*" };
    const root = await gateway.get(`/ipfs/${published.root}/`, html);
    expect([root.status, root.headers.location]).toEqual([302, `/ipfs/${published.root}/files/`]);
    const page = await gateway.get(`/ipfs/${published.root}/files/`, html);
    expect(page.body.toString()).toContain("<title>Weather</title>");
    const data = await gateway.get(`/ipfs/${published.root}`);
    expect(data.headers["content-type"]).toBe("application/vnd.ipld.dag-cbor");
    expect(Buffer.compare(data.body, (await store.get(published.root))!)).toBe(0);
    expect((await gateway.get(`/ipfs/${published.directory}/.kroma/artefact`)).body).toEqual(data.body);
    // A path that ends in a field.
    expect((await gateway.get(`/ipfs/${published.root}/title`)).status).toBe(501);
    expect((await gateway.get(`/ipfs/${published.root}/nothing`)).status).toBe(404);
  });

  it("gets a type by the name, else by the bytes, and a name to save under", async () => {
    const type = async (target: string) => (await gateway.get(target)).headers["content-type"];
    expect(await type(`/ipfs/${published.directory}/notebook.ipynb`)).toBe("application/x-ipynb+json");
    expect(await type(`/ipfs/${published.directory}/workspace/plain`)).toBe("text/plain; charset=utf-8");
    expect(await type(`/ipfs/${await entry("index.html")}`)).toBe("text/plain; charset=utf-8");
    expect(await type(`/ipfs/${await entry("index.html")}?filename=a.html`)).toBe("text/html; charset=utf-8");
    const saved = await gateway.get(
      `/ipfs/${await entry("index.html")}?filename=${encodeURIComponent('tést".pdf')}&download=true`,
    );
    expect(saved.headers["content-disposition"]).toBe(
      `attachment; filename="t_st_.pdf"; filename*=UTF-8''t%C3%A9st%22.pdf`,
    );
  });

  it("gets parts of a file of many blocks", async () => {
    const target = `/ipfs/${published.directory}/workspace/big.bin`;
    const part = await gateway.get(target, { Range: "bytes=1048570-1048589" });
    expect(part.status).toBe(206);
    expect(part.headers["content-range"]).toBe("bytes 1048570-1048589/2500000");
    expect([...part.body]).toEqual([...BIG.subarray(1_048_570, 1_048_590)]);
    const end = await gateway.get(target, { Range: "bytes=-3" });
    expect([...end.body]).toEqual([...BIG.subarray(-3)]);
    expect((await gateway.get(target, { Range: "bytes=2500000-" })).status).toBe(416);
    const whole = await gateway.get(target, { Range: "bytes=0-1", "If-Range": '"other"' });
    expect([whole.status, Buffer.compare(whole.body, BIG)]).toEqual([200, 0]);
  });

  it("is told when nothing changed, and only the head when that is asked for", async () => {
    const target = `/ipfs/${published.directory}/notebook.ipynb`;
    const { headers, body } = await gateway.get(target);
    const again = await gateway.get(target, { "If-None-Match": `"other", W/${headers.etag}` });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, headers.etag]);
    const head = await gateway.get(target, {}, "HEAD");
    expect([head.status, head.body.length, head.headers["content-length"]]).toEqual([200, 0, String(body.length)]);
  });
});

describe("a program", () => {
  it("gets blocks, by parameter and by header", async () => {
    const raw = await gateway.get(`/ipfs/${published.directory}?format=raw`);
    await checkForeignBlock(published.directory, raw.body);
    expect(raw.headers).toMatchObject({
      "content-type": "application/vnd.ipld.raw",
      "content-disposition": `attachment; filename="${published.directory}.bin"`,
      etag: `"${published.directory}.raw"`,
    });
    expect(raw.headers["content-location"]).toBeUndefined();
    const accepted = await gateway.get(`/ipfs/${published.directory}`, { Accept: "application/vnd.ipld.raw" });
    expect(accepted.body).toEqual(raw.body);
    expect(accepted.headers["content-location"]).toBe(`/ipfs/${published.directory}?format=raw`);
    expect((await gateway.get(`/ipfs/${published.directory}?format=raw`, { Range: "bytes=1-2" })).body).toEqual(
      raw.body.subarray(1, 3),
    );
  });

  it("gets all of a publication as a CAR, depth first, each block once", async () => {
    const car = await gateway.get(`/ipfs/${published.directory}?format=car`);
    expect(car.headers["content-type"]).toBe("application/vnd.ipld.car; version=1; order=dfs; dups=n");
    const expected: string[] = [];
    for await (const { cid } of walkBlocks([published.directory], store)) expected.push(cid);
    expect(await cidsOf(car)).toEqual(expected);
    const again = await gateway.get(`/ipfs/${published.directory}?format=car`, {
      "If-None-Match": String(car.headers.etag),
    });
    expect(again.status).toBe(304);
  });

  it("gets as little as it asks for, with what proves the path to it", async () => {
    const base = `/ipfs/${published.directory}/workspace/big.bin?format=car`;
    const path = [published.directory, await entry("workspace"), await entry("workspace/big.bin")];
    expect(await cidsOf(await gateway.get(`${base}&dag-scope=block`))).toEqual(path);
    expect(await cidsOf(await gateway.get(`${base}&dag-scope=entity`))).toHaveLength(6);
    expect(await cidsOf(await gateway.get(`${base}&entity-bytes=0:9`))).toHaveLength(4);
    expect(await cidsOf(await gateway.get(`${base}&entity-bytes=1048570:1048580`))).toHaveLength(5);
    expect(await cidsOf(await gateway.get(`${base}&entity-bytes=-10:*`))).toHaveLength(4);
    expect(await cidsOf(await gateway.get(`${base}&entity-bytes=9:3`))).toEqual(path);
    expect((await gateway.get(`${base}&entity-bytes=2500000:*`)).status).toBe(400);
    const directory = await cidsOf(await gateway.get(`/ipfs/${published.directory}?format=car&dag-scope=entity`));
    expect(directory).toEqual([published.directory]);
    const etags = await Promise.all(
      ["", "&dag-scope=block", "&entity-bytes=0:9"].map(
        async (more) => (await gateway.get(base + more, {}, "HEAD")).headers.etag,
      ),
    );
    expect(new Set(etags).size).toBe(3);
  });

  it("finds out with the empty block whether this is a gateway", async () => {
    expect((await gateway.get("/ipfs/bafkqaaa?format=raw")).body).toHaveLength(0);
    const car = await gateway.get("/ipfs/bafkqaaa?format=car");
    expect(car.status).toBe(200);
    expect(await cidsOf(car)).toEqual([]);
    expect((await gateway.get("/ipfs/bafkqaaa?format=raw", {}, "HEAD")).status).toBe(200);
  });

  it("finds the signatures of a root", async () => {
    const { body, headers } = await gateway.get(`/kroma/envelopes/${published.root}`);
    expect(JSON.parse(body.toString())).toEqual([published.envelope]);
    expect(headers["cache-control"]).toBe("no-cache");
  });

  it("of another origin may ask, and is told so", async () => {
    const { status, headers } = await gateway.get(
      `/ipfs/${published.root}`,
      { Origin: "https://app.example" },
      "OPTIONS",
    );
    expect([status, headers["access-control-allow-origin"]]).toEqual([204, "*"]);
  });
});

describe("what is refused", () => {
  const statuses = async (targets: readonly string[], headers = {}, method = "GET") =>
    Promise.all(targets.map(async (target) => (await gateway.get(target, headers, method)).status));

  it("is what is no address", async () => {
    const { directory } = published;
    expect(await statuses(["/ipfs/nonsense", "/ipfs/", `/ipfs/${directory}/%ff`, `/ipfs/${directory}/../x`, `/ipfs/${directory}/%2e%2e/x`, `/ipfs/${directory}/a%2fb`, `/ipfs/${directory}/a%5cb`, `/ipfs/${directory}//x`, `/ipfs/${directory}/%00`])).toEqual([400, 400, 400, 400, 400, 400, 400, 400, 400]); // prettier-ignore
    expect(await statuses(["/other", "/etc/passwd", "/../etc/passwd"])).toEqual([404, 404, 404]);
    expect(await statuses([`/ipfs/${directory}/${"a".repeat(9000)}`])).toEqual([414]);
  });

  it("is what is not here, also when only what is here is asked for", async () => {
    const elsewhere = await blockCid(new Uint8Array([1, 2, 3]));
    const target = `/ipfs/${elsewhere}`;
    expect(
      await statuses([target, `${target}?format=car`, `${target}?format=raw`, `/ipfs/${published.directory}/none.txt`]),
    ).toEqual([404, 404, 404, 404]);
    expect(await statuses([target], { "Cache-Control": "only-if-cached" }, "HEAD")).toEqual([412]);
    expect(await statuses([`/ipfs/${published.root}`], { "Cache-Control": "only-if-cached" }, "HEAD")).toEqual([200]);
  });

  it("is what this gateway does not make or know", async () => {
    const base = `/ipfs/${published.directory}`;
    expect(await statuses([`${base}?format=tar`, `${base}?format=dag-json`, `${base}?format=nonsense`, `${base}?format=car&car-version=2`, `${base}?format=car&dag-scope=x`, `${base}?format=car&entity-bytes=x`, `${base}?format=ipns-record`])).toEqual([501, 501, 400, 400, 400, 400, 400]); // prettier-ignore
    expect(await statuses([base], { Accept: "application/x-tar" })).toEqual([406]);
    expect(await statuses([base], { "Service-Worker": "script" })).toEqual([400]);
    expect(await statuses([base], {}, "POST")).toEqual([405]);
    expect(await statuses([base], { Host: "rebound.example" })).toEqual([421]);
    expect(await statuses(["/ipns/k51nobody", "/ipns/dns.example"])).toEqual([404, 400]);
  });

  it("is what the mirror's owner does not want to give any more, wherever it is", async () => {
    const file = await entry("workspace/plain");
    const denying = await gatewayOf(store, { isDenied: (name) => name === storedName(file) });
    expect((await denying.get(`/ipfs/${file}`)).status).toBe(410);
    expect((await denying.get(`/ipfs/${published.directory}/workspace/plain`)).status).toBe(410);
    expect((await denying.get(`/ipfs/${published.directory}/`)).status).toBe(200);
    await denying.close();
  });

  it("is a block that is not what its name says, and a CAR breaks off where one is missing", async () => {
    const broken = new MemoryBlockStore();
    for await (const { cid, bytes } of walkBlocks([published.directory], store))
      await broken.put(bytes, cid.startsWith("bafkr") ? "raw" : cid.startsWith("bafyrei") ? "dag-cbor" : "dag-pb");
    const file = await entry("workspace/plain");
    await broken.remove(file);
    const lacking = await gatewayOf(broken);
    expect((await lacking.get(`/ipfs/${published.directory}/workspace/plain`)).status).toBe(404);
    await expect(lacking.get(`/ipfs/${published.directory}?format=car`)).rejects.toThrow(/aborted|hang up/);
    await lacking.close();
    const lying = await gatewayOf({ get: async () => new Uint8Array([6, 6, 6]) });
    expect((await lying.get(`/ipfs/${file}?format=raw`)).status).toBe(500);
    await lying.close();
  });

  it("is a request too many at once", async () => {
    const slow = await gatewayOf({ get: () => new Promise(() => undefined) }, { most: 2 });
    const waiting = [1, 2].map(() => slow.get(`/ipfs/${published.root}`).catch(() => undefined));
    await expect.poll(async () => (await slow.get(`/ipfs/${published.root}`)).status).toBe(503);
    await slow.close();
    await Promise.all(waiting);
  });
});

describe("what others made", () => {
  const others = async (name: string): Promise<{ readonly gateway: Server; readonly root: string }> => {
    const blocks = new MemoryBlockStore();
    const file = createReadStream(join(import.meta.dirname, "../../fixtures/car", name));
    const { roots } = await importCar(file, blocks);
    return { gateway: await gatewayOf(blocks), root: roots[0]! };
  };

  it("is listed and read, by the CID that it has, of version 0 too", async () => {
    const { gateway: theirs, root } = await others("simple-unixfs.car");
    expect(root).toMatch(/^Qm/);
    expect((await theirs.get(`/ipfs/${root}`)).headers.location).toBe(`/ipfs/${root}/`);
    const list = await theirs.get(`/ipfs/${root}/`);
    expect(list.headers["x-ipfs-roots"]).toBe(root);
    const first = /<a href="\.\/([^"?]+)">/.exec(list.body.toString())?.[1] ?? "";
    expect((await theirs.get(`/ipfs/${root}/${first}`)).status).toBeLessThan(400);
    const car = await theirs.get(`/ipfs/${root}?format=car`);
    const cids = await cidsOf(car);
    expect(cids[0]).toBe(root);
    expect(cids.length).toBeGreaterThan(1);
    await theirs.close();
  });

  it("is given as data when it is neither file nor directory", async () => {
    const plain = await others("carv2-basic.car");
    expect((await plain.gateway.get(`/ipfs/${plain.root}`)).status).toBe(400);
    expect((await plain.gateway.get(`/ipfs/${plain.root}/x`)).status).toBe(404);
    expect(await cidsOf(await plain.gateway.get(`/ipfs/${plain.root}?format=car&dag-scope=entity`))).toEqual([
      plain.root,
    ]);
    expect((await plain.gateway.get(`/ipfs/${plain.root}?format=raw`)).status).toBe(200);
    await plain.gateway.close();
    const json = await others("selector-fixtures-adl.car");
    const answer = await json.gateway.get(`/ipfs/${json.root}`);
    expect(answer.headers["content-type"]).toBe("application/vnd.ipld.dag-json");
    expect(() => JSON.parse(answer.body.toString())).not.toThrow();
    await json.gateway.close();
  });

  it("breaks off where a block of it is missing", async () => {
    const { gateway: theirs, root } = await others("simple-unixfs-missing-blocks.car");
    await expect(theirs.get(`/ipfs/${root}?format=car`)).rejects.toThrow(/aborted|hang up/);
    await theirs.close();
  });
});
