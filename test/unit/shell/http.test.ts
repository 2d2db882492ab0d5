/** HTTP answers read from a stream (kernels/shell/http.ts), cut anywhere and broken in every way. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AnswerListener, AnswerReader, requestBytes } from "#kernels/shell/http.ts";

function read(pieces: readonly Uint8Array[], method = "GET", upgrades = false) {
  const heard = { heads: [] as number[], headers: [] as (readonly [string, string])[], body: "", ends: 0, error: "" };
  const listener: AnswerListener = {
    onHead: (status, headers) => {
      heard.heads.push(status);
      heard.headers.push(...headers);
    },
    onBody: (bytes) => (heard.body += Buffer.from(bytes).toString("latin1")),
    onEnd: () => heard.ends++,
    onError: (sentence) => {
      heard.ends++;
      heard.error = sentence;
    },
  };
  const reader = new AnswerReader(method, listener, upgrades);
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return heard;
}
const bytes = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

describe("an HTTP answer", () => {
  const answers: readonly (readonly [name: string, text: string, status: number, body: string])[] = [
    ["by length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello", 200, "hello"],
    [
      "in chunks",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n",
      200,
      "hello0123456789",
    ],
    ["up to the end", "HTTP/1.0 404 Not Found\r\nContent-Type: text/html\r\n\r\n<p>no", 404, "<p>no"],
    ["with bare line feeds", "HTTP/1.1 200\nContent-Length: 2\n\nok", 200, "ok"],
    ["after an interim one", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", 201, ""],
  ];
  test.each(answers)("%s, cut anywhere", (_name, text, status, body) => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((place, index) => bytes(text.slice(places[index], place)));
        expect(read(pieces)).toMatchObject({ heads: [status], body, ends: 1, error: "" });
      }),
    );
  });

  test("has no body after HEAD, 204 and 304, whatever it says", () => {
    expect(read([bytes("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n")], "HEAD")).toMatchObject({
      ends: 1,
      error: "",
    });
    for (const status of [204, 304]) {
      expect(read([bytes(`HTTP/1.1 ${status} X\r\nContent-Length: 9\r\n\r\n`)])).toMatchObject({
        heads: [status],
        ends: 1,
        error: "",
      });
    }
  });

  test("that is cut off, endless or no HTTP is told in words", () => {
    expect(read([bytes("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf")]).error).toMatch(/cut off/);
    expect(read([]).error).toMatch(/hung up without an answer/);
    expect(read([bytes("SSH-2.0-OpenSSH\r\n")]).error).toMatch(/does not speak HTTP/);
    expect(read([bytes(`HTTP/1.1 200 OK\r\nX: ${"x".repeat(70_000)}`)]).error).toMatch(/head is too long/);
    expect(read([bytes("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")]).error).toMatch(
      /malformed/,
    );
  });

  test("never throws and ends exactly once, whatever comes", () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.constantFrom(...answers.map(([, text]) => bytes(text))),
      fc.string({ maxLength: 30 }).map((text) => bytes(`HTTP/1.1 200 OK\r\n${text}`)),
      fc.constantFrom("\r\n", "0\r\n\r\n", "ffffffff\r\n", "Content-Length: 99999999999999999\r\n").map(bytes),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        expect(read(pieces).ends).toBe(1);
      }),
      { numRuns: 500 },
    );
  });

  test("a request says its host and length, and leaves connection matters to us", () => {
    const text = Buffer.from(
      requestBytes({
        port: 80,
        method: "POST",
        path: "/a?b",
        headers: [
          ["Host", "evil"],
          ["Upgrade", "h2c"],
          ["X-A", "1"],
        ],
        body: bytes("xy"),
      }),
    ).toString();
    expect(text).toBe(
      "POST /a?b HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nxy",
    );
  });

  test("of a server that goes over to another protocol is all that it sends, if that was asked for", () => {
    const agreed = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n";
    expect(read([bytes(`${agreed}\x81\x02`), bytes("hi")], "GET", true)).toMatchObject({
      heads: [101],
      body: "\x81\x02hi",
      ends: 1,
      error: "",
    });
    expect(read([bytes(`${agreed}hi`)])).toMatchObject({ heads: [101], body: "", ends: 1 });
    const request = requestBytes({
      port: 80,
      method: "GET",
      path: "/",
      headers: [["Upgrade", "x"]],
      upgrade: "websocket",
    });
    expect(Buffer.from(request).toString()).toBe(
      "GET / HTTP/1.1\r\nHost: localhost:80\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
  });
});
