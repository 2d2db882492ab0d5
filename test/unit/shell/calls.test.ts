/** Calls from the machine (vm-images/agent/CALLS.md) against callers that misbehave in every way, and files as outputs. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ALL_BODIES, CALL_PAYLOAD, type Call, Calls } from "#kernels/shell/calls.ts";
import type { GuestStreamHandle, StreamListener } from "#kernels/shell/mux.ts";
import { bundleOfFile } from "#kernels/shell/shown.ts";

const CALL = 1;
const DATA = 2;
const END = 3;
const text = (value: string) => new TextEncoder().encode(value);

function frame(type: number, payload: Uint8Array, size = payload.length): Uint8Array {
  return Uint8Array.from([size, size >> 8, size >> 16, size >> 24, type, ...payload]);
}
const words = (...strings: string[]) => Uint8Array.from([1, ...text(strings.map((word) => `${word}\0`).join(""))]);

/** A caller played by the test, with what it was answered. */
class Caller {
  readonly answers: { type: number; payload: Uint8Array }[] = [];
  consumed = 0;
  sent = 0;
  ended = 0;
  closed = 0;
  queued = 0;
  readonly #listener: StreamListener;

  constructor(calls: Calls) {
    const handle = {
      write: (bytes: Uint8Array) => {
        const payload = bytes.slice(5);
        expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)).toBe(payload.length);
        expect(payload.length).toBeLessThanOrEqual(CALL_PAYLOAD);
        expect(this.ended).toBe(0);
        this.answers.push({ type: bytes[4] ?? 0, payload });
      },
      end: () => (this.ended += 1),
      close: () => (this.closed += 1),
      consumed: (bytes: number) => (this.consumed += bytes),
    };
    Object.defineProperty(handle, "queued", { get: () => this.queued });
    this.#listener = calls.accept(handle as unknown as GuestStreamHandle);
  }

  send(...frames: Uint8Array[]): void {
    for (const bytes of frames) {
      this.sent += bytes.length;
      this.#listener.onData("out", bytes);
    }
  }

  hangUp(): void {
    this.#listener.onGone?.();
  }

  get status(): number | undefined {
    return this.answers.find(({ type }) => type === 69)?.payload[0];
  }

  get complaint(): string {
    const errors = this.answers
      .filter(({ type }) => type === 66)
      .map(({ payload }) => new TextDecoder().decode(payload));
    return errors.join("");
  }
}

function wired(perform: (call: Call) => void = () => undefined) {
  const performed: Call[] = [];
  const calls = new Calls((call) => {
    performed.push(call);
    perform(call);
  });
  return { calls, performed, caller: new Caller(calls) };
}

describe("calls", () => {
  test("C1, C2, C3: a call may be cut anywhere and comes whole", () => {
    const stream = [
      ...frame(CALL, words("term-1", "py")),
      ...frame(DATA, text("print(1)\n")),
      ...frame(DATA, new Uint8Array(0)),
      ...frame(DATA, text("print('é')")),
      ...frame(END, new Uint8Array(0)),
    ];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 20 }), (cuts) => {
        const { caller, performed } = wired();
        const places = [0, ...cuts.sort((a, b) => a - b), stream.length];
        for (let index = 1; index < places.length; index++)
          caller.send(Uint8Array.from(stream.slice(places[index - 1], places[index])));
        expect(performed).toHaveLength(1);
        expect(performed[0]).toMatchObject({ verb: "py", terminal: "term-1", words: [] });
        expect(new TextDecoder().decode(performed[0]?.body)).toBe("print(1)\nprint('é')");
        expect(caller.consumed).toBe(stream.length);
      }),
    );
  });

  test("C4: answers come in order and in frames that fit, and nothing after the end", () => {
    const { caller, performed } = wired((call) => {
      call.out("x".repeat(CALL_PAYLOAD + 10));
      call.err("warned\n");
      call.exit(3);
      call.out("late");
      call.exit(0);
    });
    caller.send(frame(CALL, words("", "ts")), frame(END, new Uint8Array(0)), frame(DATA, text("more")));
    expect(performed).toHaveLength(1);
    expect(caller.answers.map(({ type, payload }) => [type, payload.length])).toEqual([
      [65, CALL_PAYLOAD],
      [65, 10],
      [66, 7],
      [69, 1],
    ]);
    expect(caller.status).toBe(3);
    expect(caller.ended).toBe(1);
  });

  test("C2: other versions, unknown verbs and frames out of turn are refused in words", () => {
    const refused = (...frames: Uint8Array[]): Caller => {
      const { caller, performed } = wired();
      caller.send(...frames);
      expect(performed).toEqual([]);
      return caller;
    };
    expect(refused(frame(CALL, Uint8Array.of(9, 0))).complaint).toMatch(/version 9.*version 1/);
    const unknown = refused(frame(CALL, words("", "rm -rf\u001b[2J")));
    expect(unknown.complaint).toBe('kroma: this notebook does not know "rm -rf?[2J"\n');
    expect(unknown.status).toBe(2);
    expect(refused(frame(DATA, text("x"))).complaint).toMatch(/does not belong/);
    expect(refused(frame(CALL, words("", "py")), frame(CALL, words("", "py"))).complaint).toMatch(/does not belong/);
    expect(refused(frame(CALL, new Uint8Array(0), CALL_PAYLOAD + 1)).complaint).toMatch(/too long/);
    expect(refused(frame(CALL, words("", "open", "1")), frame(DATA, text("x"))).complaint).toMatch(/takes no input/);
  });

  test("C3: bodies that are too big, alone or together, are refused, and their room is given back", () => {
    const { calls } = wired();
    const piece = new Uint8Array(CALL_PAYLOAD);
    const fill = (caller: Caller, bytes: number): void => {
      const data = frame(DATA, piece);
      for (let at = 0; at < bytes; at += CALL_PAYLOAD) caller.send(data);
    };
    const big = new Caller(calls);
    big.send(frame(CALL, words("", "py")));
    fill(big, 5 * 1024 * 1024);
    expect(big.complaint).toMatch(/py takes at most 4 MiB/);
    const many = Array.from({ length: ALL_BODIES / (16 * 1024 * 1024) + 1 }, () => new Caller(calls));
    for (const caller of many) {
      caller.send(frame(CALL, words("", "display", "", "x")));
      fill(caller, 16 * 1024 * 1024);
    }
    expect(many.map(({ status }) => status)).toEqual([...many.slice(1).map(() => undefined), 1]);
    many[0]?.hangUp();
    const next = new Caller(calls);
    next.send(frame(CALL, words("", "display", "", "x")));
    fill(next, 16 * 1024 * 1024);
    expect(next.status).toBeUndefined();
  });

  test("C5, C6: who goes away or does not read gives the call up, once", () => {
    for (const leave of [
      (caller: Caller) => caller.hangUp(),
      (caller: Caller, call: Call) => {
        caller.queued = 65 * 1024 * 1024;
        call.out("more");
        call.out("more");
      },
    ]) {
      let gone = 0;
      const { caller, performed } = wired((call) => call.onGone(() => (gone += 1)));
      caller.send(frame(CALL, words("", "py")), frame(END, new Uint8Array(0)));
      leave(caller, performed[0] as Call);
      caller.hangUp();
      expect(gone).toBe(1);
      performed[0]?.exit(0);
      expect(caller.status).toBeUndefined();
    }
  });

  test("hostile frames never throw, are answered at most once, and hold no more than they may", () => {
    const hostile = fc.oneof(
      fc.record({ type: fc.integer({ min: 0, max: 255 }), payload: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({ type: fc.constantFrom(CALL, DATA, END), payload: fc.uint8Array({ maxLength: 40 }) }),
      fc.record({
        type: fc.constant(CALL),
        payload: fc
          .constantFrom("py", "display", "open", "fetch", "__proto__", "constructor")
          .map((verb) => words("", verb, "x")),
      }),
    );
    const bytes = fc.oneof(
      { weight: 4, arbitrary: hostile.map(({ type, payload }) => frame(type, payload)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }) },
      {
        weight: 1,
        arbitrary: fc.integer({ min: CALL_PAYLOAD, max: 0xff_ff_ff }).map((size) => frame(DATA, text("x"), size)),
      },
    );
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 40 }), (stream) => {
        const { caller, performed } = wired((call) => {
          call.out("some");
          call.exit(0);
        });
        caller.send(...stream);
        caller.hangUp();
        caller.send(frame(CALL, words("", "py")), frame(END, new Uint8Array(0)));
        expect(performed.length).toBeLessThanOrEqual(1);
        expect(caller.answers.filter(({ type }) => type === 69).length).toBeLessThanOrEqual(1);
        expect(caller.consumed).toBe(caller.sent);
      }),
      { numRuns: 500 },
    );
  });
});

describe("a file as an output", () => {
  const typeOf = (bytes: Uint8Array | string, name: string, mime?: string): string =>
    Object.keys(bundleOfFile(typeof bytes === "string" ? text(bytes) : bytes, name, mime))[0] ?? "";

  test("its type is what it was said to be, what its name says, or what it begins with", () => {
    expect(typeOf("a,b\n1,2\n", "t.csv")).toBe("text/csv");
    expect(typeOf("# Title", "README.MD")).toBe("text/markdown");
    expect(typeOf("x", "t.csv", "text/plain")).toBe("text/plain");
    expect(typeOf(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0), "-")).toBe("image/png");
    expect(typeOf(Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), "photo")).toBe("image/jpeg");
    expect(typeOf("GIF89a....", "-")).toBe("image/gif");
    expect(typeOf('<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "-")).toBe(
      "image/svg+xml",
    );
    expect(typeOf("<!DOCTYPE html><p>x", "-")).toBe("text/html");
    expect(typeOf('{"a": 1}', "-")).toBe("application/json");
    expect(typeOf("[not json", "-")).toBe("text/plain");
    expect(typeOf("just text", "notes")).toBe("text/plain");
    const chart = (schema: string): string => typeOf(JSON.stringify({ $schema: schema, mark: "bar" }), "chart.json");
    expect(chart("https://vega.github.io/schema/vega-lite/v6.json")).toBe("application/vnd.vegalite.v6+json");
    expect(chart("https://vega.github.io/schema/vega/v5.1.json")).toBe("application/vnd.vega.v5+json");
    expect(chart("https://json-schema.org/draft/2020-12/schema")).toBe("application/json");
  });

  test("its data has the form of its type, and there is always a text", () => {
    expect(bundleOfFile(text("a\tb"), "t.tsv")).toEqual({ "text/tab-separated-values": "a\tb", "text/plain": "a\tb" });
    expect(bundleOfFile(text('{"a":[1]}'), "d.json")).toMatchObject({ "application/json": { a: [1] } });
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index);
    const bundle = bundleOfFile(bytes, "x.gif");
    expect(Buffer.from(bundle["image/gif"] as string, "base64")).toEqual(Buffer.from(bytes));
    expect(bundle["text/plain"]).toBe("x.gif (image/gif, 100,000 bytes)");
  });

  test("what cannot be shown is refused with a sentence", () => {
    expect(() => bundleOfFile(new Uint8Array(0), "x.png")).toThrow(/x.png is empty/);
    expect(() => bundleOfFile(Uint8Array.of(0, 1, 2, 255), "blob")).toThrow(/say what it is with --mime/);
    expect(() => bundleOfFile(Uint8Array.of(255, 254), "x.md")).toThrow(/not text/);
    expect(() => bundleOfFile(text("{"), "x.json")).toThrow(/x.json is not JSON/);
    expect(() => bundleOfFile(text("x"), "x", "not a type")).toThrow(/not a MIME type/);
  });
});
