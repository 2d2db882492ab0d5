/** What is written on a pipe is read back however the pipe cuts it, and nothing else is taken for it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KromaError } from "#core/base/errors.ts";
import { ByteLink, MOST_UNREAD_BYTES } from "#core/mesh/byte-link.ts";
import { type Frame, frameHeader, type FrameKind, FrameReader } from "#core/mesh/frames.ts";
import { linkPair } from "#core/mesh/link-pair.ts";
import { MOST_MESSAGE_BYTES } from "#core/mesh/link.ts";
import { SendQueue } from "#core/mesh/send-queue.ts";

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constant<FrameKind>("message"), body: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ kind: fc.constantFrom<FrameKind>("ping", "pong"), body: fc.uint8Array({ maxLength: 8 }) }),
  fc.record({ kind: fc.constant<FrameKind>("goodbye"), body: fc.uint8Array({ maxLength: 100 }) }),
);

const written = (frames: readonly Frame[]): Uint8Array => {
  const parts = frames.flatMap(({ kind, body }) => [...frameHeader(kind, body.byteLength), ...body]);
  return Uint8Array.from(parts);
};

function readInPieces(bytes: Uint8Array, cuts: readonly number[]): readonly Frame[] {
  const reader = new FrameReader();
  const places = [...cuts.map((cut) => cut % (bytes.byteLength + 1)), 0, bytes.byteLength].sort((a, b) => a - b);
  return places.slice(1).flatMap((end, index) => reader.read(bytes.subarray(places[index], end)));
}

describe("frames", () => {
  it("come out as they went in, in whatever pieces they travel", () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
        expect(readInPieces(written(frames), cuts)).toEqual(frames);
      }),
    );
  });

  it("are refused by their header when they are too long or of no known kind, whatever comes after", () => {
    expect(() => new FrameReader().read(frameHeader("message", MOST_MESSAGE_BYTES + 1))).toThrow(/too long/);
    expect(() => new FrameReader().read(frameHeader("goodbye", 1025))).toThrow(/too long/);
    expect(() => new FrameReader().read(Uint8Array.of(4, 0, 0, 0))).toThrow(/does not speak/);
    expect(new FrameReader().read(frameHeader("message", MOST_MESSAGE_BYTES))).toEqual([]);
  });

  it("made of any bytes are read or refused, and never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
        try {
          readInPieces(bytes, cuts);
        } catch (error) {
          expect(error).toBeInstanceOf(KromaError);
        }
      }),
    );
  });
});

describe("the queue of what waits", () => {
  it("gives all frames whole, the urgent ones before those that were not begun", () => {
    const step = fc.oneof(
      fc.record({ add: fc.uint8Array({ maxLength: 200 }), urgent: fc.boolean() }),
      fc.record({ take: fc.integer({ min: 1, max: 4 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 8, max: 64 }), (steps, most) => {
        const queue = new SendQueue(most);
        const reader = new FrameReader();
        const usual: Uint8Array[] = [];
        let urgent = 0;
        const out: Frame[] = [];
        const take = () => {
          const piece = queue.take();
          if (!piece) return false;
          expect(piece.byteLength).toBeLessThanOrEqual(most);
          out.push(...reader.read(piece));
          return true;
        };
        for (const one of steps) {
          if ("take" in one) for (let count = 0; count < one.take; count += 1) take();
          else if (one.urgent) {
            urgent += 1;
            queue.addUrgent("ping", Uint8Array.of(urgent));
          } else {
            queue.add("message", one.add);
            usual.push(one.add);
          }
        }
        while (take());
        expect(queue.bytes).toBe(0);
        expect(out.filter(({ kind }) => kind === "message").map(({ body }) => body)).toEqual(usual);
        // A newer one may have taken an older one's place; the last is never lost.
        const pings = out.filter(({ kind }) => kind === "ping").map(({ body }) => body[0] ?? 0);
        expect(pings).toEqual([...new Set(pings)].sort((a, b) => a - b));
        expect(pings.at(-1) ?? 0).toBe(urgent);
      }),
    );
  });
});

/** A link whose pipe the test holds in its hands. */
function held(isReady: () => boolean): { link: ByteLink; written: Uint8Array[]; ended: () => string | undefined } {
  const out: Uint8Array[] = [];
  let reason: string | undefined;
  const link = new ByteLink({
    pipe: {
      write: (bytes) => out.push(bytes),
      isReady,
      pause: () => undefined,
      resume: () => undefined,
      end: async () => undefined,
      abort: () => undefined,
    },
    path: "direct",
    local: "left",
    remote: "right",
    dialled: true,
    now: () => 0,
    onEnd: (_by, why) => {
      reason = why;
    },
  });
  return { link, written: out, ended: () => reason };
}

describe("a hostile other side", () => {
  it("that asks for signs of life and takes none gets one answer at most, and fills nothing", () => {
    let ready = false;
    const { link, written: out, ended } = held(() => ready);
    for (let id = 0; id < 1000; id += 1) {
      link.received(Uint8Array.from([...frameHeader("ping", 8), 0, 0, 0, 0, 0, 0, id >> 8, id & 255]));
    }
    expect(link.link.facts?.().queuedBytes).toBe(12);
    ready = true;
    link.ready();
    expect(out).toEqual([Uint8Array.from([...frameHeader("pong", 8), 0, 0, 0, 0, 0, 0, 999 >> 8, 999 & 255])]);
    expect(ended()).toBeUndefined();
  });

  it("that sends more than is read loses the link, in bounded memory", () => {
    const { link, ended } = held(() => true);
    const message = new Uint8Array(4 + 65_536);
    message.set(frameHeader("message", 65_536));
    let sent = 0;
    while (ended() === undefined && sent < 64 * MOST_UNREAD_BYTES) {
      link.received(message);
      sent += message.byteLength;
    }
    expect(ended()).toMatch(/More was sent than was read/);
    expect(sent).toBeLessThan(3 * MOST_UNREAD_BYTES);
  });

  it("that sends garbage is told that it does not speak the protocol", () => {
    const { link, written: out, ended } = held(() => true);
    link.received(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
    expect(ended()).toMatch(/does not speak/);
    expect(new FrameReader().read(out[0] ?? new Uint8Array()).map(({ kind }) => kind)).toEqual(["goodbye"]);
  });

  it("can't fill a screen with its reason", async () => {
    const [near, far] = linkPair();
    const reason = new Promise<string | undefined>((resolve) => {
      far.link.channel.onClose(resolve);
    });
    near.link.channel.close(`a\n\u202Eb${"c".repeat(5000)}`);
    const told = (await reason) ?? "";
    expect(told.length).toBeLessThanOrEqual(200);
    expect(told).not.toMatch(/[\n\u202E]/);
  });

  it("that stops in the middle of a message is no message", async () => {
    const [near, far] = linkPair();
    const heard: Uint8Array[] = [];
    far.link.channel.receive((message) => heard.push(message));
    const ended = new Promise((resolve) => {
      far.link.channel.onClose(resolve);
    });
    near.link.channel.send(new Uint8Array(1000));
    near.ended("The network is gone.");
    far.ended("The network is gone.");
    expect(await ended).toBe("The network is gone.");
    expect(heard.length).toBeLessThanOrEqual(1);
  });
});
