/** Pins at services of others: the mock service of the API's makers, and services that say no, lie or change their mind. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type MockService, setup } from "mock-ipfs-pinning-service";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "#core/mesh/clock.ts";
import { MemoryDocStore } from "#core/store/memory.ts";
import { stepPin, wantPin } from "#plugins/pinning/progress.ts";
import { RemotePins } from "#plugins/pinning/remote-pins.ts";
import { PinService } from "#plugins/pinning/service.ts";

const CID = "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
const TOKEN = "secret-token-of-ada";

const servers: Server[] = [];
async function listen(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Time that goes on when it is told to. */
class TestClock implements Clock {
  #now = 1_800_000_000_000;
  #waiting: { readonly at: number; readonly work: () => void }[] = [];
  now = () => this.#now;
  after = (milliseconds: number, work: () => void) => {
    const entry = { at: this.#now + milliseconds, work };
    this.#waiting.push(entry);
    return () => void (this.#waiting = this.#waiting.filter((one) => one !== entry));
  };
  get planned(): number {
    return this.#waiting.length;
  }
  /** Goes on to what is planned next, and does it. */
  next(): void {
    this.#waiting.sort((a, b) => a.at - b.at);
    const entry = this.#waiting.shift();
    if (!entry) throw new Error("nothing is planned");
    this.#now = Math.max(this.#now, entry.at);
    entry.work();
  }
}

describe("the mock service", () => {
  let mock: MockService;
  let endpoint: string;
  let pins: RemotePins;
  let clock: TestClock;
  let documents: MemoryDocStore;
  const become = (status: string) => {
    const known = mock.locals.state.pins.get(CID)!;
    mock.locals.state.pins.set(CID, { ...known, status });
  };
  const state = async () => (await pins.list()).map(({ status, details }) => [status, details]);
  /** Goes on until the pins are as expected. */
  const until = async (status: string) => {
    for (let count = 0; count < 50; count += 1) {
      await expect.poll(() => clock.planned).toBe(1);
      if ((await state())[0]?.[0] === status) return;
      clock.next();
    }
    throw new Error(`never ${status}`);
  };
  const open = () =>
    new RemotePins({
      documents,
      clock,
      serviceOf: async (service) => new PinService({ endpoint: service, token: TOKEN }),
    });

  beforeEach(async () => {
    mock = await setup({ token: TOKEN });
    endpoint = await listen(mock);
    [clock, documents] = [new TestClock(), new MemoryDocStore()];
    pins = open();
  });
  afterEach(() => pins.close());

  it("is asked, waited for, and looked at again later", async () => {
    await pins.want(endpoint, { cid: CID, name: "Weather", origins: ["/ip4/127.0.0.1/tcp/8051/http"] });
    await until("queued");
    expect(mock.locals.state.pins.get(CID)?.pin).toEqual({
      cid: CID,
      name: "Weather",
      origins: ["/ip4/127.0.0.1/tcp/8051/http"],
    });
    become("pinning");
    await until("pinning");
    become("pinned");
    await until("pinned");
    clock.next();
    await until("pinned");
  });

  it("changes its mind, and is asked again", async () => {
    await pins.want(endpoint, { cid: CID });
    await until("queued");
    become("pinned");
    await until("pinned");
    mock.locals.state.pins.clear();
    clock.next();
    await until("waiting");
    expect((await state())[0]?.[1]).toContain("has it no more");
    await until("queued");
    become("failed");
    await until("waiting");
    expect((await state())[0]?.[1]).toContain("could not pin it");
    await until("queued");
  });

  it("goes on where it was, in another process", async () => {
    await pins.want(endpoint, { cid: CID });
    await until("queued");
    pins.close();
    clock = new TestClock();
    pins = open();
    await pins.start();
    become("pinned");
    await until("pinned");
    expect(mock.locals.state.pins.size).toBe(1);
  });

  it("is told when it is wanted there no more", async () => {
    await pins.want(endpoint, { cid: CID });
    await until("queued");
    await pins.unwant(endpoint, CID);
    expect(mock.locals.state.pins.size).toBe(0);
    expect(await pins.list()).toEqual([]);
    expect(clock.planned).toBe(0);
  });

  it("says no to another token, which is told without the token", async () => {
    const wrong = new PinService({ endpoint, token: "wrong-token" });
    const next = await stepPin(wantPin(endpoint, { cid: CID }, 0), wrong, () => 0);
    expect(next).toMatchObject({ status: "refused" });
    expect(next.next).toBeUndefined();
    expect(JSON.stringify(next)).not.toContain("wrong-token");
  });
});

describe("a service", () => {
  const step = async (
    answer: (path: string) => { readonly status?: number; readonly body?: unknown; readonly location?: string },
  ) => {
    const endpoint = await listen((request, response) => {
      request.resume();
      const { status = 200, body = "", location } = answer(request.url ?? "");
      response.writeHead(status, { "Content-Type": "application/json", ...(location ? { Location: location } : {}) });
      response.end(typeof body === "string" ? body : JSON.stringify(body));
    });
    return stepPin(wantPin(endpoint, { cid: CID }, 0), new PinService({ endpoint, token: TOKEN }), () => 0);
  };

  it("that can't just now is asked again, later each time", async () => {
    expect(await step(() => ({ status: 503 }))).toMatchObject({ status: "waiting", failures: 1, next: 2000 });
    expect(await step(() => ({ status: 429, body: { error: { reason: "SLOW", details: "slowly" } } }))).toMatchObject({
      status: "waiting",
      details: expect.stringContaining("slowly"),
    });
    const gone = new PinService({ endpoint: "http://127.0.0.1:9", token: TOKEN });
    const pin = { ...wantPin("http://127.0.0.1:9", { cid: CID }, 0), failures: 11 };
    expect(await stepPin(pin, gone, () => 0)).toMatchObject({ status: "waiting", failures: 12, next: 3_600_000 });
    expect(await stepPin({ ...pin, failures: 12 }, gone, () => 0)).toMatchObject({ status: "refused" });
  });

  it("that says no is not asked again, and its words are shown", async () => {
    const no = await step(() => ({
      status: 409,
      body: { error: { reason: "INSUFFICIENT_FUNDS", details: "Pay\u0000 first" } },
    }));
    expect(no).toMatchObject({ status: "refused", details: expect.stringContaining("Pay first") });
  });

  it("that lies, sends without end, or repeats the token is not believed", async () => {
    const pinned = {
      requestid: "1",
      status: "pinned",
      created: "2026-01-01T00:00:00Z",
      pin: { cid: "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy" },
      delegates: [],
    };
    expect(
      await step((path) => ({ body: path.includes("?") ? { count: 1, results: [pinned] } : pinned })),
    ).toMatchObject({ status: "waiting" });
    expect(await step(() => ({ body: "x".repeat(2_000_000) }))).toMatchObject({
      status: "waiting",
      details: expect.stringContaining("more than an answer"),
    });
    expect(await step(() => ({ body: "<html>" }))).toMatchObject({ status: "waiting" });
    expect(await step(() => ({ status: 403, body: { error: { reason: `no ${TOKEN}` } } }))).toMatchObject({
      details: expect.not.stringContaining(TOKEN),
    });
  });

  it("that leads elsewhere does not get the token led there", async () => {
    let asked = 0;
    const elsewhere = await listen((_request, response) => {
      asked += 1;
      response.end();
    });
    expect(await step(() => ({ status: 307, location: `${elsewhere}/pins` }))).toMatchObject({ status: "waiting" });
    expect(asked).toBe(0);
  });

  it("has an address and a token that can be", () => {
    for (const endpoint of ["ftp://example.org", "nonsense", "https://ada:secret@example.org"])
      expect(() => new PinService({ endpoint, token: TOKEN })).toThrow(expect.objectContaining({ code: "invalid" }));
    for (const token of ["", "two words", "line\n"])
      expect(() => new PinService({ endpoint: "https://example.org", token })).toThrow(
        expect.objectContaining({ code: "invalid" }),
      );
  });
});
