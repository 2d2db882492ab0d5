/** Two ends that prove themselves to each other, and ends that lie. */
import { channelPair, type Channel } from "#core/base/channel.ts";
import { canonicalJson } from "#core/base/canonical-json.ts";
import { KromaError } from "#core/base/errors.ts";
import { authenticate, type AuthenticatedPeer, type HandshakeOptions } from "#core/mesh/handshake.ts";
import type { Link } from "#core/mesh/link.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newPerson, signatures, TODAY, YEAR, type Person } from "./kit.ts";

type Bytes = Channel<Uint8Array, Uint8Array>;
type Message = Readonly<Record<string, unknown>>;

const [ada, bob, eve] = (await Promise.all(["Ada", "Bob", "Eve"].map(newPerson))) as [Person, Person, Person];

const link = (channel: Bytes, local: string, remote: string, dialled: boolean): Link => ({
  channel,
  local,
  remote,
  dialled,
  path: "direct",
});

const as = (signer: Person, more: Partial<HandshakeOptions> = {}): HandshakeOptions => ({
  signer,
  signatures,
  now: () => TODAY,
  signal: new AbortController().signal,
  ...more,
});

/** How an attempt failed. */
async function failure(attempt: Promise<AuthenticatedPeer>): Promise<KromaError> {
  const outcome = await attempt.catch((error: unknown) => error);
  if (!(outcome instanceof KromaError)) throw new Error("The attempt did not fail as it should.");
  return outcome;
}

/** Both ends of a link, of which each knows the other by these names. */
function meet(left: HandshakeOptions, right: HandshakeOptions, rightKnows = { local: "b", remote: "a" }) {
  const [one, two] = channelPair<Uint8Array, Uint8Array>();
  return [
    authenticate(link(one, "a", "b", true), left),
    authenticate(link(two, rightKnows.local, rightKnows.remote, false), right),
  ] as const;
}

const read = (bytes: Uint8Array): Message => JSON.parse(new TextDecoder().decode(bytes)) as Message;
const write = (message: unknown): Uint8Array => new TextEncoder().encode(canonicalJson(message));

/** An end that says what it wants: what it hears, in order, and the far end of its channel. */
function puppet() {
  const [channel, far] = channelPair<Uint8Array, Uint8Array>();
  const heard: Uint8Array[] = [];
  let wake = () => {};
  far.receive((message) => {
    heard.push(message);
    wake();
  });
  const next = async (): Promise<Uint8Array> => {
    while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return heard.shift() as Uint8Array;
  };
  return { channel, far, next };
}

/** A true exchange, as somebody on the wire would write it down: what Bob said to Ada. */
async function overheard(): Promise<readonly Uint8Array[]> {
  const [one, two] = channelPair<Uint8Array, Uint8Array>();
  const said: Uint8Array[] = [];
  one.receive((message) => said.push(message));
  const both = [
    authenticate(link(one, "a", "b", true), as(ada)),
    authenticate(link(two, "b", "a", false), as(bob)),
  ] as const;
  await Promise.all(both);
  return said;
}

describe("the handshake", () => {
  it("tells each who the other is, what both can and how far the clocks are apart, and passes on what follows (H1, H9)", async () => {
    const [left, right] = meet(
      as(ada, { features: ["sync", "blobs"] }),
      as(bob, { features: ["sync", "voice"], now: () => TODAY + YEAR }),
    );
    const [toBob, toAda] = await Promise.all([left, right]);
    expect(toBob).toMatchObject({ id: bob.id, peer: bob.identity, features: ["sync"], clockOffset: YEAR });
    expect(toAda).toMatchObject({ id: ada.id, features: ["sync"], clockOffset: -YEAR });
    // Before anyone listens, and as large as a link carries.
    toBob.channel.send(new Uint8Array(1 << 20));
    toBob.channel.send(Uint8Array.of(2));
    const heard = await new Promise<Uint8Array[]>((resolve) => {
      const all: Uint8Array[] = [];
      toAda.channel.receive((message) => {
        if (all.push(message) === 2) resolve(all);
      });
    });
    expect(heard.map((message) => message.byteLength)).toEqual([1 << 20, 1]);
    const ended = new Promise<void>((resolve) => toAda.channel.onClose(() => resolve()));
    toBob.channel.close();
    await ended;
  });

  it("works between two devices of one person (H4)", async () => {
    const [left, right] = await Promise.all(meet(as(ada), as(ada)));
    expect([left.id, right.id]).toEqual([ada.id, ada.id]);
  });

  it("finds out who passes messages on between two links (H6)", async () => {
    // Eve has a link to each, and gives each what the other says: their transports know her, not each other.
    const [adaEnd, eveToAda] = channelPair<Uint8Array, Uint8Array>();
    const [bobEnd, eveToBob] = channelPair<Uint8Array, Uint8Array>();
    eveToAda.receive((message) => eveToBob.send(message));
    eveToBob.receive((message) => eveToAda.send(message));
    const errors = await Promise.all([
      failure(authenticate(link(adaEnd, "a", "e", true), as(ada))),
      failure(authenticate(link(bobEnd, "b", "e", false), as(bob))),
    ]);
    expect(errors.map(({ code }) => code)).toEqual(["denied", "denied"]);
    expect(errors[0]?.message).toMatch(/Somebody may be between you/);
  });

  it("is not taken in by its own words (H5)", async () => {
    const [end, mirror] = channelPair<Uint8Array, Uint8Array>();
    mirror.receive((message) => mirror.send(message));
    expect(await failure(authenticate(link(end, "a", "b", true), as(ada)))).toMatchObject({ code: "denied" });
  });

  it("does not take a proof that was sent back to who made it (H5)", async () => {
    // Eve says hello as Ada, with a nonce of her own, and gives Ada's proof back.
    const { channel, far, next } = puppet();
    const attempt = failure(authenticate(link(channel, "a", "a", true), as(ada)));
    const hello = read(await next());
    far.send(write({ ...hello, nonce: "A".repeat(43) }));
    far.send(await next());
    expect(await attempt).toMatchObject({ code: "denied" });
  });

  it("does not take what was said to another before (H5)", async () => {
    const said = await overheard();
    const { channel, far } = puppet();
    const attempt = failure(authenticate(link(channel, "a", "b", true), as(ada)));
    for (const message of said) far.send(message);
    expect(await attempt).toMatchObject({ code: "denied" });
  });

  it("does not take a proof by other keys than the hello's, or by one of them only (H6)", async () => {
    for (const forge of ["other", "half"] as const) {
      // Eve says that she is Bob; she can sign with her own keys only.
      const claims = forge === "other" ? bob.identity : { ...bob.identity, mlDsa65: eve.identity.mlDsa65 };
      const impostor: Person = { ...eve, identity: claims };
      const [left, right] = meet(as(ada), as(impostor));
      const [toAda, toEve] = await Promise.all([failure(left), failure(right)]);
      expect(toAda).toMatchObject({ code: "denied", details: { reason: "identity" } });
      expect(toEve).toMatchObject({ code: "denied" });
      expect(toEve.message).toMatch(/does not believe/);
    }
  });

  it.each([
    { version: 9, oldest: 2, here: "clientTooOld", there: "peerTooOld" },
    { version: 0, oldest: 0, here: "peerTooOld", there: "clientTooOld" },
  ])("refuses by name a version that it does not know: $here (H2)", async ({ version, oldest, here, there }) => {
    const { channel, far, next } = puppet();
    const attempt = failure(authenticate(link(channel, "a", "b", true), as(ada)));
    await next();
    // What else that version says is unknown.
    far.send(write({ type: "hello", version, oldest, spoken: "otherwise" }));
    expect(await attempt).toMatchObject({ code: "unavailable", details: { reason: here } });
    expect(read(await next())).toEqual({ type: "refusal", reason: here });
    const told = puppet();
    const other = failure(authenticate(link(told.channel, "a", "b", true), as(ada)));
    told.far.send(write({ type: "refusal", reason: here }));
    expect(await other).toMatchObject({ code: "unavailable", details: { reason: there } });
  });

  it("speaks with a newer one that still understands it (H2)", async () => {
    const { channel, far, next } = puppet();
    const end = new AbortController();
    const attempt = authenticate(link(channel, "a", "b", true), as(ada, { signal: end.signal }));
    const hello = read(await next());
    far.send(write({ ...hello, nonce: "A".repeat(43), version: 7, somethingNew: true }));
    expect(read(await next())).toMatchObject({ type: "proof" });
    end.abort();
    await failure(attempt);
  });

  it("ends with what is too large, too much, or no message of its kind (H8)", async () => {
    const floods: readonly (readonly Uint8Array[])[] = [
      [new Uint8Array(16 * 1024 + 1)],
      Array.from({ length: 9 }, () => write({ type: "hello" })),
      [write({ type: "welcome" })],
      [Uint8Array.of(0xff, 0xfe)],
      [new TextEncoder().encode('{"type":"hello", "version":1,"oldest":1}')],
    ];
    for (const flood of floods) {
      const { channel, far } = puppet();
      const closed = new Promise<void>((resolve) => far.onClose(() => resolve()));
      const attempt = failure(authenticate(link(channel, "a", "b", true), as(ada)));
      for (const message of flood) far.send(message);
      expect(await attempt).toMatchObject({ code: "invalid" });
      await closed;
    }
  });

  it("ends with the link, and with the signal (H10)", async () => {
    const gone = puppet();
    const first = failure(authenticate(link(gone.channel, "a", "b", true), as(ada)));
    gone.far.close();
    expect(await first).toMatchObject({ code: "unavailable" });
    const silent = puppet();
    const closed = new Promise<void>((resolve) => silent.far.onClose(() => resolve()));
    const end = new AbortController();
    const second = failure(authenticate(link(silent.channel, "a", "b", true), as(ada, { signal: end.signal })));
    end.abort(new DOMException("too late", "TimeoutError"));
    expect(await second).toMatchObject({ code: "unavailable", message: expect.stringMatching(/in time/) as string });
    await closed;
    const over = authenticate(link(puppet().channel, "a", "b", true), as(ada, { signal: AbortSignal.abort() }));
    expect(await failure(over)).toMatchObject({ code: "aborted" });
  });

  it("never takes a frame of the exchange in which a byte was changed (H6, H8)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, place, change) => {
        const [adaEnd, wireA] = channelPair<Uint8Array, Uint8Array>();
        const [bobEnd, wireB] = channelPair<Uint8Array, Uint8Array>();
        let count = 0;
        wireA.receive((message) => wireB.send(message));
        wireB.receive((message) => {
          if (count++ === which) message[place % message.length] = (message[place % message.length] as number) ^ change;
          wireA.send(message);
        });
        wireA.onClose(() => wireB.close());
        wireB.onClose(() => wireA.close());
        const left = authenticate(link(adaEnd, "a", "b", true), as(ada));
        const right = authenticate(link(bobEnd, "b", "a", false), as(bob));
        right.catch(() => undefined);
        const error = await failure(left);
        expect(["denied", "invalid", "unavailable"]).toContain(error.code);
        // Bob's last word is all that he may be wrong about: that he is welcome, where Ada did not hear his welcome.
        if (which < 2) await failure(right);
      }),
      { numRuns: 60 },
    );
  });
});
