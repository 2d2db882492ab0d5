/** The host's end of the agent's protocol (vm-images/agent/SPEC.md) against an agent that misbehaves in every way. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AGENT_VERSION, GUEST_PAYLOAD, type GuestStream, Mux, OUTPUT_WINDOW, PAYLOAD } from "#kernels/shell/mux.ts";

const GUEST = {
  out: 65,
  err: 66,
  ctl: 67,
  tty: 68,
  exit: 69,
  gone: 70,
  hello: 71,
  open: 72,
  ack: 73,
  pong: 74,
  wrote: 75,
  fail: 76,
  want: 77,
  result: 78,
  seen: 79,
  crowd: 80,
  pad: 81,
};

interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Uint8Array;
}

function bytesOf({ type, channel, payload }: Frame): Uint8Array {
  return Uint8Array.from([payload.length, payload.length >> 8, type, channel, channel >> 8, ...payload]);
}
const u16 = (value: number) => Uint8Array.of(value, value >> 8);
const u32 = (value: number) => Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
const text = (value: string) => new TextEncoder().encode(value);

/** A mux with a guest played by the test. */
function wired() {
  const sent: Frame[] = [];
  const broken: string[] = [];
  const crowds: number[] = [];
  let listener: (bytes: Uint8Array) => void = () => undefined;
  const mux = new Mux(
    {
      send: (frame) =>
        sent.push({ type: frame[2] ?? 0, channel: (frame[3] ?? 0) | ((frame[4] ?? 0) << 8), payload: frame.slice(5) }),
      receive: (next) => (listener = next),
    },
    { onBroken: (reason) => broken.push(reason), onCrowd: (ended) => crowds.push(ended) },
  );
  return {
    mux,
    sent,
    broken,
    crowds,
    say: (type: number, channel: number, payload: Uint8Array = new Uint8Array(0)) =>
      listener(bytesOf({ type, channel, payload })),
    raw: (bytes: Uint8Array) => listener(bytes),
  };
}

/** A mux with one process, and what it heard. */
function withProcess() {
  const guest = wired();
  const heard: [GuestStream, number][] = [];
  const ends: string[] = [];
  const handle = guest.mux.spawn(["cat"], {
    onData: (stream, bytes) => heard.push([stream, bytes.length]),
    onExit: (status) => ends.push(`exit ${status}`),
    onGone: () => ends.push("gone"),
    onFail: (reason) => ends.push(`fail ${reason}`),
    onWant: (echo) => ends.push(`want ${echo}`),
  });
  return { ...guest, handle, heard, ends };
}

describe("the agent's protocol", () => {
  test("A2: a greeting of another version is refused by name", async () => {
    const { mux, say } = wired();
    const greeting = mux.greet(false);
    say(GUEST.hello, 0, text("kroma-agent 99"));
    await expect(greeting).rejects.toThrow(new RegExp(`kroma-agent 99.*version ${AGENT_VERSION}`));
  });

  test("A1: a frame of the agent may be long, but not longer than agreed", () => {
    const { say, heard, handle, raw, broken } = withProcess();
    say(GUEST.out, handle.id, new Uint8Array(GUEST_PAYLOAD));
    expect(heard).toEqual([["out", GUEST_PAYLOAD]]);
    raw(Uint8Array.of(...u16(GUEST_PAYLOAD + 1), GUEST.out, ...u16(handle.id)));
    expect(broken).toHaveLength(1);
  });

  test("A1: a frame that says nothing is passed over, between any others", () => {
    const { heard, handle, raw, broken } = withProcess();
    const pad = bytesOf({ type: GUEST.pad, channel: 0, payload: new Uint8Array(6) });
    const out = bytesOf({ type: GUEST.out, channel: handle.id, payload: text("abc") });
    raw(Uint8Array.from([...pad, ...out, ...pad.subarray(0, 7)]));
    raw(Uint8Array.from([...pad.subarray(7), ...out]));
    expect([heard, broken]).toEqual([
      [
        ["out", 3],
        ["out", 3],
      ],
      [],
    ]);
  });

  test("A3: no more than 12 frames are under way, and an acknowledgement lets the next go", () => {
    const { mux, sent, say, broken } = wired();
    for (let index = 0; index < 30; index++) mux.setTime(index);
    expect(sent).toHaveLength(12);
    say(GUEST.ack, 0, u16(5));
    expect(sent).toHaveLength(17);
    say(GUEST.ack, 0, u16(12));
    expect(sent).toHaveLength(29);
    expect(broken).toEqual([]);
    say(GUEST.ack, 0, u16(60));
    expect(broken).toHaveLength(1);
  });

  test("A19: how many processes were too many is told, and nothing else is", () => {
    const { say, crowds, broken } = wired();
    say(GUEST.crowd, 0, u32(412));
    expect([crowds, broken]).toEqual([[412], []]);
    say(GUEST.crowd, 0, u16(1));
    expect([crowds, broken.length]).toEqual([[412], 1]);
  });

  test("A7: output is given back in steps, and a guest that writes beyond its window is cut off", () => {
    const { say, heard, handle, sent, broken } = withProcess();
    const piece = new Uint8Array(PAYLOAD);
    const most = Math.floor(OUTPUT_WINDOW / PAYLOAD);
    for (let index = 0; index < most; index++) say(GUEST.out, handle.id, piece);
    expect(broken).toEqual([]);
    expect(heard).toHaveLength(most);
    for (let index = 0; index < most; index++) handle.consumed(PAYLOAD);
    const credits = sent.filter((frame) => frame.type === 8);
    expect(credits.length).toBeGreaterThan(0);
    expect(credits.length).toBeLessThanOrEqual(4);
    const back = credits.reduce((sum, frame) => sum + new DataView(frame.payload.buffer).getUint32(0, true), 0);
    for (let index = 0; index * PAYLOAD <= OUTPUT_WINDOW - most * PAYLOAD + back; index++)
      say(GUEST.err, handle.id, piece);
    expect(broken).toHaveLength(1);
  });

  test("A8: input waits for the guest to take it, and none is lost or reordered", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 12 }),
        fc.integer({ min: 1, max: 9000 }),
        (sizes, step) => {
          const { handle, say, sent } = withProcess();
          let value = 0;
          const written: number[] = [];
          for (const size of sizes) {
            const bytes = Uint8Array.from({ length: size }, () => value++ & 255);
            written.push(...bytes);
            handle.write(bytes);
          }
          handle.end();
          const taken: number[] = [];
          for (let seen = 0; seen < sent.length;) {
            const fresh = sent.slice(seen);
            seen = sent.length;
            const data = fresh.filter((frame) => frame.type === 2).flatMap((frame) => [...frame.payload]);
            taken.push(...data);
            say(GUEST.ack, 0, u16(fresh.length));
            for (let at = 0; at < data.length; at += step)
              say(GUEST.wrote, handle.id, u32(Math.min(step, data.length - at)));
          }
          expect(taken).toEqual(written);
          expect(sent.at(-1)?.type).toBe(3);
        },
      ),
      { numRuns: 50 },
    );
  });

  test("frames may be cut anywhere", () => {
    const frames: Frame[] = [
      { type: GUEST.hello, channel: 0, payload: text("kroma-agent 2") },
      { type: GUEST.out, channel: 1, payload: text("one") },
      { type: GUEST.err, channel: 1, payload: new Uint8Array(PAYLOAD) },
      { type: GUEST.ctl, channel: 1, payload: text("done 0\n") },
      { type: GUEST.want, channel: 1, payload: Uint8Array.of(0) },
      { type: GUEST.exit, channel: 1, payload: u32(3) },
      { type: GUEST.gone, channel: 1, payload: new Uint8Array(0) },
    ];
    const stream = frames.flatMap((frame) => [...bytesOf(frame)]);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 40 }), (cuts) => {
        const { raw, heard, ends, broken } = withProcess();
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
        for (let index = 1; index < places.length; index++)
          raw(Uint8Array.from(stream.slice(places[index - 1], places[index])));
        expect(heard).toEqual([
          ["out", 3],
          ["err", PAYLOAD],
          ["ctl", 7],
        ]);
        expect(ends).toEqual(["want false", "exit 3", "gone"]);
        expect(broken).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  test("hostile frames never throw, never grow memory, and end the connection at most once", async () => {
    const frame = fc.record({
      type: fc.oneof(fc.constantFrom(...Object.values(GUEST)), fc.integer({ min: 0, max: 255 })),
      channel: fc.oneof(fc.constantFrom(0, 1, 2, 0x8000), fc.integer({ min: 0, max: 65_535 })),
      payload: fc.uint8Array({ maxLength: 64 }),
    });
    const bytes = fc.oneof(
      frame.map(bytesOf),
      fc.uint8Array({ maxLength: 200 }),
      fc.constant(bytesOf({ type: GUEST.out, channel: 1, payload: new Uint8Array(5000) })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 60 }), async (messages) => {
        const { mux, raw, broken, handle, sent, heard } = withProcess();
        const answers = [
          mux.ping(),
          mux.run(["true"]),
          mux.writeFile("/x", new Uint8Array(9000)),
          mux.mount("a", "b", "c", "d"),
          mux.greet(true),
        ];
        const settled = Promise.allSettled(answers);
        for (const message of messages) raw(message);
        handle.write(new Uint8Array(100));
        expect(broken.length).toBeLessThanOrEqual(1);
        expect(heard.reduce((sum, [, size]) => sum + size, 0)).toBeLessThanOrEqual(OUTPUT_WINDOW);
        const before = sent.length;
        if (mux.broken !== undefined) {
          mux.setTime(0);
          raw(bytesOf({ type: GUEST.out, channel: 1, payload: text("late") }));
          expect(sent).toHaveLength(before);
        }
        // Whatever happened, nobody waits for ever once the connection is closed.
        mux.close("over");
        await settled;
        await expect(mux.ping()).rejects.toThrow();
      }),
      { numRuns: 300 },
    );
  });

  test("calls of the guest are hung up when nobody answers them, and answered when somebody does", () => {
    const { say, sent } = wired();
    say(GUEST.open, 0x8001);
    expect(sent).toEqual([{ type: 11, channel: 0x8001, payload: new Uint8Array(0) }]);

    let listener: (bytes: Uint8Array) => void = () => undefined;
    const answers: Uint8Array[] = [];
    const heard: string[] = [];
    const mux = new Mux(
      { send: (frame) => answers.push(frame), receive: (next) => (listener = next) },
      {
        onCall: (handle) => ({
          onData: (_, bytes) => {
            heard.push(new TextDecoder().decode(bytes));
            handle.write(text("answer"));
            handle.end();
          },
        }),
      },
    );
    listener(bytesOf({ type: GUEST.open, channel: 0x8001, payload: new Uint8Array(0) }));
    listener(bytesOf({ type: GUEST.out, channel: 0x8001, payload: text("question") }));
    expect(mux.broken).toBeUndefined();
    expect(heard).toEqual(["question"]);
    expect(answers.map((frame) => frame[2])).toEqual([2, 3]);
  });

  test("a command line that does not fit is refused, not cut", async () => {
    const { mux } = wired();
    await expect(mux.run(["echo", "x".repeat(PAYLOAD)])).rejects.toThrow(/too long/);
    await expect(mux.run(["echo", ""])).rejects.toThrow(/empty/);
  });
});
