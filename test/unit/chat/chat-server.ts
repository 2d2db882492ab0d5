/** A server on loopback that speaks chat completions, and misbehaves when it is told to; it keeps what it was asked. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface Asked {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly model?: string; readonly messages?: readonly { role: string; content: string }[] } & Record<
    string,
    unknown
  >;
}

export interface ChatServer {
  /** The base URL of its endpoint. */
  readonly url: string;
  readonly asked: Asked[];
  /** Who asked has gone before the answer was whole; so often. */
  left: number;
  /** Answers a chat. */
  answer: (response: ServerResponse, asked: Asked) => void | Promise<void>;
  models: readonly string[];
  close(): Promise<void>;
}

/** Starts one that says "Hello from the model." to everybody. */
export async function startChatServer(): Promise<ChatServer> {
  const state: ChatServer = {
    url: "",
    asked: [],
    left: 0,
    models: ["tiny", "small"],
    answer: (response) => streamWords(response, "Hello from the model."),
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  const cors = {
    "access-control-allow-origin": "*",
    "access-control-allow-headers": "authorization, content-type",
    "access-control-allow-private-network": "true",
  };
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(cors)) response.setHeader(name, value);
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    if (request.url === "/v1/models") {
      state.asked.push({ path: request.url, headers: request.headers, body: {} });
      const data = state.models.map((id) => ({ id, object: "model" }));
      return sendJson(response, 200, { object: "list", data });
    }
    response.on("close", () => {
      if (!response.writableFinished) state.left += 1;
    });
    void text(request).then(async (body) => {
      const asked = { path: request.url ?? "", headers: request.headers, body: JSON.parse(body) as Asked["body"] };
      state.asked.push(asked);
      await state.answer(response, asked);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(state, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` });
}

/** Sends JSON with a status. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

/** Begins a stream. */
export function beginStream(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
}

/** The event of one piece. */
export const piece = (delta: unknown, finish?: string): string =>
  `data: ${JSON.stringify({ object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish ?? null }] })}\n\n`;

/** A whole answer as a stream: a word a piece, usage, and the end. */
export function streamWords(response: ServerResponse, answer: string): void {
  beginStream(response);
  const parts = answer.match(/\S+\s*/g) ?? [];
  for (const content of parts) response.write(piece({ content }));
  response.write(piece({}, "stop"));
  const usage = { prompt_tokens: 11, completion_tokens: parts.length, total_tokens: 11 + parts.length };
  response.end(`data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`);
}
