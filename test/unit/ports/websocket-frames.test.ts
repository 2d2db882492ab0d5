/** WebSocket frames (plugins/ports/websocket-frames.ts), by the examples of RFC 6455, 1.3 and 5.7. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptOf } from "#plugins/ports/socket.ts";
import { encodeFrame, FrameReader, OPCODE } from "#plugins/ports/websocket-frames.ts";

const bytes = (hex: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const MASK = bytes("37fa213d");
const LARGEST = 1 << 20;

function read(pieces: readonly Uint8Array[]) {
  const heard: unknown[] = [];
  const reader = new FrameReader(
    {
      onMessage: (data) => heard.push(data),
      onPing: (payload) => heard.push(["ping", Buffer.from(payload).toString()]),
      onClose: (code, reason) => heard.push(["close", code, reason]),
      onBroken: (code) => heard.push(["broken", code]),
    },
    LARGEST,
  );
  for (const piece of pieces) reader.push(piece);
  return heard;
}

/** As servers send it: without a mask. */
function unmasked(opcode: number, payload: Uint8Array, isLast = true): Uint8Array<ArrayBuffer> {
  const frame = encodeFrame(opcode, payload, new Uint8Array(4));
  const start = frame.length - payload.length - 4;
  const plain = new Uint8Array([...frame.subarray(0, start), ...payload]);
  plain[0] = (isLast ? 0x80 : 0) | opcode;
  plain[1] = (plain[1] ?? 0) & 0x7f;
  return plain;
}

describe("WebSocket frames", () => {
  test("are those of the RFC's examples", async () => {
    expect(read([bytes("81 05 48 65 6c 6c 6f")])).toEqual(["Hello"]);
    expect(encodeFrame(OPCODE.text, bytes("48656c6c6f"), MASK)).toEqual(bytes("81 85 37 fa 21 3d 7f 9f 4d 51 58"));
    expect(read([bytes("01 03 48 65 6c"), bytes("80 02 6c 6f")])).toEqual(["Hello"]);
    expect(read([bytes("89 05 48 65 6c 6c 6f")])).toEqual([["ping", "Hello"]]);
    expect(encodeFrame(OPCODE.pong, bytes("48656c6c6f"), MASK)).toEqual(bytes("8a 85 37 fa 21 3d 7f 9f 4d 51 58"));
    expect(read([new Uint8Array([0x82, 0x7e, 1, 0, ...new Uint8Array(256).fill(7)])])).toEqual([
      new Uint8Array(256).fill(7),
    ]);
    const long = new Uint8Array(65_536).fill(9);
    expect(read([new Uint8Array([0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0, ...long])])).toEqual([long]);
    expect(encodeFrame(OPCODE.binary, long, MASK).subarray(0, 10)).toEqual(bytes("82 ff 00 00 00 00 00 01 00 00"));
    expect(await acceptOf("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  test("come whole wherever they are cut, with pings between the pieces of a message", () => {
    const message = fc.oneof(fc.string({ unit: "grapheme" }), fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.array(fc.nat(2000)),
        fc.nat(300),
        (messages, cuts, middle) => {
          const frames = messages.flatMap((data) => {
            const payload = typeof data === "string" ? Uint8Array.from(Buffer.from(data)) : data;
            const opcode = typeof data === "string" ? OPCODE.text : OPCODE.binary;
            if (middle % 2 === 0) return [unmasked(opcode, payload)];
            const [first, last] = [payload.subarray(0, middle), payload.subarray(middle)];
            return [
              unmasked(opcode, first, false),
              unmasked(OPCODE.ping, bytes("21")),
              unmasked(OPCODE.continuation, last),
            ];
          });
          const all = Buffer.concat([...frames, bytes("88 04 03 e8 6f 6b")]);
          const places = [0, ...cuts.filter((cut) => cut < all.length).sort((a, b) => a - b), all.length];
          const heard = read(places.slice(1).map((place, index) => all.subarray(places[index], place)));
          expect(heard.filter((one) => !Array.isArray(one) || one[0] !== "ping")).toEqual([
            ...messages.map((data) => (typeof data === "string" ? data : Uint8Array.from(data))),
            ["close", 1000, "ok"],
          ]);
        },
      ),
    );
  });

  test.each([
    ["a masked frame", "81 85 37 fa 21 3d 7f 9f 4d 51 58", 1002],
    ["bits of an extension", "c1 00", 1002],
    ["a kind that there is not", "83 00", 1002],
    ["a long ping", "89 7e 00 80", 1002],
    ["a ping in pieces", "09 00", 1002],
    ["an end without a beginning", "80 00", 1002],
    ["a beginning in a message", "01 00 01 00", 1002],
    ["a text that is none", "81 01 ff", 1007],
    ["more than is taken", "82 7f 00 00 00 00 7f ff ff ff", 1009],
    ["a length beyond all numbers", "82 7f ff ff ff ff ff ff ff ff", 1009],
    ["half a code", "88 01 03", 1002],
    ["a code that may not be sent", "88 02 03 ee", 1002],
  ])("%s ends the connection, and nothing is read after it", (_name, hex, code) => {
    expect(read([bytes(hex), bytes("81 05 48 65 6c 6c 6f")]).at(-1)).toEqual(["broken", code]);
  });

  test("a close without a code has none, and is the last", () => {
    expect(read([bytes("88 00 81 05 48 65 6c 6c 6f")])).toEqual([["close", 1005, ""]]);
  });
});
