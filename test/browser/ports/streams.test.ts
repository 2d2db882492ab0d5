/** What a previewed page hears while its server still speaks: answers in pieces, events, WebSockets, downloads. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { acceptOf } from "#plugins/ports/socket.ts";
import { encodeFrame, OPCODE } from "#plugins/ports/websocket-frames.ts";
import { type Asked, type Live, PATIENCE, PlayedServer, REPORT } from "./played-server.ts";

let played: PlayedServer;
beforeEach(() => {
  played = new PlayedServer();
});
afterEach(() => played.close());

const MIB = 1024 * 1024;

describe("an answer", () => {
  test("is read by the page while it comes, and what it does not read is not taken", async () => {
    let live: Live | undefined;
    let goOn: (() => void) | undefined;
    played.site = {
      "/": `<script>${REPORT} fetch("/slow").then(async (response) => {
          const reader = response.body.getReader();
          tell({ first: new TextDecoder().decode((await reader.read()).value), url: response.url });
          await fetch("/go-on");
          let size = 0;
          while (size < ${(7 * MIB) / 8}) size += (await reader.read()).value.length;
          tell({ size });
          tell(await reader.read());
        });</script>`,
      "/go-on": {
        live: (made) => {
          goOn = () => {
            made.head(204, []);
            made.end();
          };
        },
      },
      "/slow": {
        live: (made) => {
          live = made;
          made.head(200, [["content-type", "text/plain"]]);
          made.data("one");
        },
      },
    };
    const first = played.report();
    await played.show("/");
    expect(await first).toEqual({ first: "one", url: "http://localhost-8000.invalid/slow" });
    // As much as may be under way: the page's queue does not take all of it.
    for (let piece = 0; piece < 7; piece++) live?.data(new Uint8Array(MIB / 8));
    const rest = played.report();
    await expect.poll(() => goOn, PATIENCE).toBeDefined();
    expect(live?.taken).toBeLessThan((6 * MIB) / 8);
    goOn?.();
    expect(await rest).toEqual({ size: (7 * MIB) / 8 });
    await expect.poll(() => live?.taken, PATIENCE).toBe((7 * MIB) / 8 + 3);
    const last = played.report();
    live?.end();
    expect(await last).toEqual({ done: true });
  });

  test("that the page gives up is given up by the server, and one that breaks off fails in the middle", async () => {
    let slow: Live | undefined;
    const begin = (made: Live): void => {
      made.head(200, []);
      made.data("beginning");
    };
    played.site = {
      "/": `<script>${REPORT} (async () => {
          const stop = new AbortController();
          const reader = (await fetch("/slow", { signal: stop.signal })).body.getReader();
          await reader.read();
          stop.abort();
          const given = await reader.read().catch((error) => error.name);
          const broken = (await fetch("/broken-off")).body.getReader();
          await broken.read();
          const failed = await broken.read().catch((error) => error.message);
          const request = new XMLHttpRequest();
          const parts = [];
          request.open("GET", "/parts");
          request.onprogress = () => parts.push(request.responseText);
          request.onloadend = () => tell({ given, failed, parts, all: request.responseText });
          request.send();
        })();</script>`,
      "/slow": {
        live: (made) => {
          slow = made;
          begin(made);
        },
      },
      "/broken-off": {
        live: (made) => {
          begin(made);
          made.end("The answer was cut off.");
        },
      },
      "/parts": {
        live: (made) => {
          made.head(200, []);
          made.data("a");
          made.data(Uint8Array.of(0xc3));
          made.data(Uint8Array.of(0xa4));
          made.end();
        },
      },
    };
    const facts = played.report();
    await played.show("/");
    expect(await facts).toEqual({
      given: "AbortError",
      failed: "The answer was cut off.",
      parts: ["a", "a", "aä"],
      all: "aä",
    });
    expect(slow?.isGivenUp).toBe(true);
  });

  test("of events is told event by event, and asked for anew where it stopped", async () => {
    const asked: Asked[] = [];
    played.site = {
      "/": `<script>${REPORT}
        const source = new EventSource("/events");
        const heard = [];
        source.onmessage = (event) => heard.push(event.data);
        source.addEventListener("named", (event) => {
          heard.push([event.data, event.lastEventId, event.origin]);
          if (heard.length < 4) return;
          source.close();
          const none = new EventSource("/none");
          none.onerror = () => tell({ heard, closed: source.readyState, none: none.readyState, kept: EventSource.CLOSED });
        });</script>`,
      "/events": {
        live: (made, question) => {
          asked.push(question);
          made.head(200, [["content-type", "text/event-stream"]]);
          const text =
            ": a comment\nretry: 1\ndata: one\ndata: two\n\nid: 7\r\nevent: named\r\ndata:x\r\n\r\ndata: cut off";
          for (let at = 0; at < text.length; at += 5) made.data(text.slice(at, at + 5));
          made.end();
        },
      },
      "/none": "<p>no events",
    };
    const facts = played.report();
    await played.show("/");
    expect(await facts).toEqual({
      heard: [
        "one\ntwo",
        ["x", "7", "http://localhost-8000.invalid"],
        "one\ntwo",
        ["x", "7", "http://localhost-8000.invalid"],
      ],
      closed: 2,
      none: 2,
      kept: 2,
    });
    expect(asked.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "7"]);
  });
});

/** As a server writes a frame: a mask of zeros changes nothing, and its bit goes. */
function served(opcode: number, content: string | Uint8Array): Uint8Array {
  const payload = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const frame = encodeFrame(opcode, payload, new Uint8Array(4));
  const start = frame.length - payload.length - 4;
  return Uint8Array.from([frame[0] ?? 0, (frame[1] ?? 0) & 0x7f, ...frame.subarray(2, start), ...payload]);
}

/** Short frames of a page, unmasked. */
function sent(bytes: Uint8Array): { readonly opcode: number; readonly payload: Uint8Array } {
  const length = (bytes[1] ?? 0) & 0x7f;
  const mask = bytes.subarray(2, 6);
  return {
    opcode: (bytes[0] ?? 0) & 15,
    payload: bytes.slice(6, 6 + length).map((byte, index) => byte ^ (mask[index & 3] ?? 0)),
  };
}

describe("a WebSocket", () => {
  const agree = async (made: Live, { headers }: Asked, more: readonly [string, string][] = []): Promise<void> => {
    const accept = (await acceptOf(headers["sec-websocket-key"] ?? "")) ?? "";
    made.head(101, [["upgrade", "WebSocket"], ["sec-websocket-accept", accept], ...more]);
  };

  test("speaks with the page's server in texts and bytes, answers pings, and closes as both want", async () => {
    const heard: { opcode: number; text: string }[] = [];
    let question: Asked | undefined;
    played.site = {
      "/app/": `<script>${REPORT}
        const socket = new WebSocket("ws://" + location.host + "/chat?x=1", ["a", "b"]);
        socket.binaryType = "arraybuffer";
        const got = [];
        socket.onopen = () => { socket.send("hällo"); socket.send(new Blob(["blob"])); socket.send(Uint8Array.of(1, 2)); };
        socket.onmessage = ({ data }) => {
          got.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
          if (got.length === 2) socket.close(3001, "enough");
        };
        socket.onclose = ({ code, reason, wasClean }) => tell({ got, code, reason, wasClean, url: socket.url, protocol: socket.protocol, state: socket.readyState, open: WebSocket.OPEN });
        </script>`,
      "/chat": {
        live: (made, asked) => {
          question = asked;
          made.onSend = (bytes) => {
            const { opcode, payload } = sent(bytes);
            const isClose = opcode === OPCODE.close;
            heard.push({
              opcode,
              text: isClose ? String((payload[0] ?? 0) * 256 + (payload[1] ?? 0)) : new TextDecoder().decode(payload),
            });
            if (isClose) {
              made.data(served(OPCODE.close, payload));
              made.end();
            } else if (heard.length === 3) {
              made.data(served(OPCODE.ping, "there?"));
            } else if (opcode === OPCODE.pong) {
              made.data(served(OPCODE.text, "text"));
              made.data(served(OPCODE.binary, Uint8Array.of(3, 4)));
            }
          };
          void agree(made, asked, [["sec-websocket-protocol", "b"]]);
        },
      },
    };
    const facts = played.report();
    await played.show("/app/");
    expect(await facts).toEqual({
      got: ["text", [3, 4]],
      code: 3001,
      reason: "enough",
      wasClean: true,
      url: "ws://localhost:8000/chat?x=1",
      protocol: "b",
      state: 3,
      open: 1,
    });
    expect(heard).toEqual([
      { opcode: OPCODE.text, text: "hällo" },
      { opcode: OPCODE.binary, text: "blob" },
      { opcode: OPCODE.binary, text: "\u0001\u0002" },
      { opcode: OPCODE.pong, text: "there?" },
      { opcode: OPCODE.close, text: "3001" },
    ]);
    expect(question).toMatchObject({ path: "/chat?x=1", upgrade: "websocket" });
    expect(question?.headers).toMatchObject({ origin: "http://localhost:8000", "sec-websocket-version": "13" });
  });

  test("fails where the server does not agree, breaks the protocol or hangs up, and is closed with its page", async () => {
    let lasting: Live | undefined;
    played.site = {
      "/": `<script>${REPORT}
        const end = (path) => new Promise((resolve) => {
          const events = [];
          const socket = new WebSocket(path);
          socket.onerror = () => events.push("error");
          socket.onclose = ({ code, wasClean }) => resolve([...events, code, wasClean]);
        });
        (async () => {
          const facts = [];
          for (const path of ["/none", "/forged", "/masked", "/hangs-up"]) facts.push(await end(path));
          const lasting = new WebSocket("ws://localhost:8000/lasting");
          lasting.onopen = () => tell({ facts });
        })();</script>`,
      "/none": "no",
      "/forged": {
        live: (made) =>
          made.head(101, [
            ["upgrade", "websocket"],
            ["sec-websocket-accept", "wrong"],
          ]),
      },
      "/masked": {
        live: (made, asked) =>
          void agree(made, asked).then(() =>
            made.data(encodeFrame(OPCODE.text, Uint8Array.of(65), Uint8Array.of(1, 2, 3, 4))),
          ),
      },
      "/hangs-up": { live: (made, asked) => void agree(made, asked).then(() => made.end()) },
      "/lasting": {
        live: (made, asked) => {
          lasting = made;
          void agree(made, asked);
        },
      },
      "/b": "<p>b</p>",
    };
    const facts = played.report();
    await played.show("/");
    expect(await facts).toEqual({ facts: Array.from({ length: 4 }, () => ["error", 1006, false]) });
    await played.show("/b");
    await expect.poll(() => lasting?.isGivenUp, PATIENCE).toBe(true);
  });
});

test("a link to a file that is to be kept leaves the page and its connections where they are", async () => {
  let events: Live | undefined;
  played.site = {
    "/": `<a id="a" href="/export">export</a><script>${REPORT}
      const source = new EventSource("/events");
      source.onmessage = ({ data }) => {
        if (data === "go") {
          // What is saved is a link that the frame's program clicks.
          HTMLAnchorElement.prototype.click = function () { fetch(this.href).then((r) => r.text()).then((text) => tell({ name: this.download, text })); };
          document.querySelector("#a").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
        } else tell({ still: data });
      };</script>`,
    "/events": {
      live: (made) => {
        events = made;
        made.head(200, [["content-type", "text/event-stream"]]);
        made.data("data: go\n\n");
      },
    },
    "/export": {
      type: "text/html",
      headers: [["content-disposition", `attachment; filename="x.csv"; filename*=UTF-8''t%C3%A4glich.csv`]],
      body: "a,b\n",
    },
  };
  const saved = played.report();
  await played.show("/");
  expect(await saved).toEqual({ name: "täglich.csv", text: "a,b\n" });
  expect(played.preview.address()?.path).toBe("/");
  expect(played.preview.canStep(-1)).toBe(false);
  const still = played.report();
  events?.data("data: here\n\n");
  expect(await still).toEqual({ still: "here" });
});
