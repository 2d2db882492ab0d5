/** Blocks from gateways, as real servers on this machine that do as they should, and as they should not. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { buildFiles } from "#core/artefact/files.ts";
import { fetchBlocks, KeptSource, SeveralSources } from "#core/store/fetch-blocks.ts";
import { GatewaySource } from "#core/store/gateway.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import type { BlockStore } from "#core/store/stores.ts";

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** A gateway that gives the blocks of a store, and counts what it is asked. */
async function honest(store: BlockStore): Promise<{ readonly source: GatewaySource; readonly asked: string[] }> {
  const asked: string[] = [];
  const address = await serve((request, response) => {
    const cid = /^\/ipfs\/(\w+)\?format=raw$/.exec(request.url ?? "")?.[1] ?? "";
    asked.push(cid);
    void store.get(cid).then((bytes) => {
      response.statusCode = bytes && request.headers.accept === "application/vnd.ipld.raw" ? 200 : 404;
      response.end(bytes);
    });
  });
  return { source: new GatewaySource(address), asked };
}

const bytesOf = (length: number): Uint8Array => new Uint8Array(length).map((_, index) => (index * 31) >> 3);

/** A folder of many blocks, some of them twice. */
async function manyBlocks(store: BlockStore): Promise<string> {
  const content = Array.from({ length: 20 }, (_, index) => ({ path: `files/${index}.bin`, content: bytesOf(index) }));
  return (await buildFiles([...content, { path: "big.bin", content: bytesOf(3_000_000) }], store)).cid;
}

const count = async (store: BlockStore): Promise<number> => {
  let blocks = 0;
  for await (const _ of store.list()) blocks += 1;
  return blocks;
};

describe("a gateway", () => {
  it("gives everything under a root, each block asked for once", async () => {
    const [theirs, mine] = [new MemoryBlockStore(), new MemoryBlockStore()];
    const root = await manyBlocks(theirs);
    const { source, asked } = await honest(theirs);
    const progress: number[] = [];
    const done = await fetchBlocks([root], mine, source, { progress: ({ blocks }) => progress.push(blocks) });
    expect(await count(mine)).toBe(await count(theirs));
    expect(done).toMatchObject({ blocks: asked.length, waiting: 0 });
    expect(new Set(asked).size).toBe(asked.length);
    expect(progress).toEqual(asked.map((_, index) => index + 1));
  });

  it("is asked only for what is not here, after a fetch that was broken off", async () => {
    const [theirs, mine] = [new MemoryBlockStore(), new MemoryBlockStore()];
    const root = await manyBlocks(theirs);
    const { source } = await honest(theirs);
    const stop = new AbortController();
    const broken = fetchBlocks([root], mine, source, {
      signal: stop.signal,
      progress: ({ blocks }) => blocks === 5 && stop.abort(),
    });
    await expect(broken).rejects.toMatchObject({ code: "aborted" });
    const had = await count(mine);
    expect(had).toBeGreaterThanOrEqual(5);
    // Another one, for the first may still hear of requests that were given up.
    const second = await honest(theirs);
    await fetchBlocks([root], mine, second.source);
    expect(second.asked.length).toBe((await count(theirs)) - had);
  });

  it("that has not got a block says so, and nothing that came is lost", async () => {
    const [theirs, mine] = [new MemoryBlockStore(), new MemoryBlockStore()];
    const root = await manyBlocks(theirs);
    const gone = await theirs.put(bytesOf(7));
    await theirs.remove(gone);
    const { source } = await honest(theirs);
    await expect(fetchBlocks([root], mine, source)).rejects.toMatchObject({ code: "missing", details: { cid: gone } });
    expect(await mine.has(root)).toBe(true);
  });

  it("that lies, stalls, drips, sends without end, fails or is not there is refused in time", async () => {
    const cid = await new MemoryBlockStore().put(bytesOf(100));
    const ask = (address: string) => new GatewaySource(address, { stall: 200, most: 600 }).get(cid);
    const lies = await serve((_, response) => void response.end("something else"));
    await expect(ask(lies)).rejects.toMatchObject({ code: "corrupt" });
    const endless = await serve((_, response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(new Uint8Array(65_536)));
      };
      response.on("drain", more);
      more();
    });
    await expect(ask(endless)).rejects.toMatchObject({ code: "corrupt" });
    const silent = await serve(() => undefined);
    await expect(ask(silent)).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("silent"),
    });
    const stalls = await serve((_, response) => void response.write("a little"));
    await expect(ask(stalls)).rejects.toMatchObject({ code: "unavailable" });
    const drips = await serve((_, response) => {
      const timer = setInterval(() => response.write("."), 50);
      response.on("close", () => clearInterval(timer));
    });
    await expect(ask(drips)).rejects.toMatchObject({ code: "unavailable" });
    const fails = await serve((_, response) => void response.writeHead(503).end());
    await expect(ask(fails)).rejects.toMatchObject({ code: "unavailable" });
    servers.at(-1)?.close();
    servers.at(-1)?.closeAllConnections();
    await expect(ask(fails)).rejects.toMatchObject({ code: "unavailable" });
    expect(() => new GatewaySource("ftp://example.org")).toThrow(expect.objectContaining({ code: "invalid" }));
  });

  it("stops when it is told to", async () => {
    const silent = await serve(() => undefined);
    const stop = new AbortController();
    const asking = new GatewaySource(silent).get(await new MemoryBlockStore().put(bytesOf(9)), { signal: stop.signal });
    stop.abort();
    await expect(asking).rejects.toMatchObject({ code: "aborted" });
  });

  it("tells the envelopes of a root if it is a mirror, and none if what it says is no list", async () => {
    const root = await new MemoryBlockStore().put(bytesOf(5), "dag-cbor");
    const mirror = await serve((request, response) => {
      response.end(request.url === `/kroma/envelopes/${root}` ? JSON.stringify([root]) : "");
    });
    expect(await new GatewaySource(mirror).envelopes(root)).toEqual([root]);
    for (const said of ["<html>", "[1]", "{}", `["${"x".repeat(20_000)}"]`]) {
      const other = await serve((_, response) => void response.end(said));
      expect(await new GatewaySource(other).envelopes(root)).toEqual([]);
    }
  });
});

describe("several sources", () => {
  it("are asked in turn, and one that lies is not asked again", async () => {
    const theirs = new MemoryBlockStore();
    const root = await manyBlocks(theirs);
    let lies = 0;
    const liar = new GatewaySource(
      await serve((_, response) => {
        lies += 1;
        response.end("a lie");
      }),
    );
    const { source } = await honest(theirs);
    const several = new SeveralSources([liar, source]);
    const cids = [root, ...(await Promise.all([1, 2, 3].map((length) => theirs.put(bytesOf(length)))))];
    for (const cid of cids) expect(await several.get(cid)).toEqual(await theirs.get(cid));
    expect(lies).toBe(1);
  });

  it("put one that fails behind the others", async () => {
    const theirs = new MemoryBlockStore();
    const cids = await Promise.all([1, 2, 3].map((length) => theirs.put(bytesOf(length))));
    let failures = 0;
    const failing = new GatewaySource(
      await serve((_, response) => {
        failures += 1;
        response.writeHead(500).end();
      }),
    );
    const { source } = await honest(theirs);
    const several = new SeveralSources([failing, source]);
    for (const cid of cids) expect(await several.get(cid)).toEqual(await theirs.get(cid));
    expect(failures).toBe(1);
    // What nobody has may be with the one who can't say.
    await expect(several.get(await new MemoryBlockStore().put(bytesOf(50)))).rejects.toMatchObject({
      code: "unavailable",
    });
  });
});

describe("a store that asks others", () => {
  it("gets a damaged block anew", async () => {
    const theirs = new MemoryBlockStore();
    const cid = await theirs.put(bytesOf(10));
    const mine: BlockStore = new MemoryBlockStore();
    let isDamaged = true;
    const damaged: BlockStore = {
      put: (bytes, codec) => {
        isDamaged = false;
        return mine.put(bytes, codec);
      },
      get: async (name) => {
        if (!isDamaged) return mine.get(name);
        const { KromaError } = await import("#core/base/errors.ts");
        throw new KromaError("corrupt", "It is damaged.");
      },
      has: async () => true,
      remove: (name) => mine.remove(name),
      list: () => mine.list(),
    };
    expect(await new KeptSource(damaged, theirs).get(cid)).toEqual(bytesOf(10));
    expect(await damaged.get(cid)).toEqual(bytesOf(10));
  });
});
