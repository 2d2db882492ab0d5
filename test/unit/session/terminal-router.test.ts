/** Terminals between page and kernel: who gets what, and that each has its one end (K10, K11). */
import { expect, it } from "vitest";
import type { FromTerminal, ToTerminal } from "#core/kernel/terminals.ts";
import { TerminalRouter } from "#core/session/terminal-router.ts";

function world(found: ReturnType<ConstructorParameters<typeof TerminalRouter>[0]["find"]> = { language: "shell" }) {
  const sent: ToTerminal[] = [];
  const heard: FromTerminal[] = [];
  const router = new TerminalRouter({ find: () => found, send: (_language, message) => sent.push(message) });
  router.channel.receive((message) => heard.push(message));
  return { router, sent, heard, send: (message: unknown) => router.channel.send(message as ToTerminal) };
}

const open = { type: "terminal_open", terminal: "t", columns: 80, rows: 24 } as const;
const data = new TextEncoder().encode("ls\r");

it("hands on what belongs to an open terminal, and passes over the rest", () => {
  const { sent, send } = world();
  send({ type: "terminal_input", terminal: "t", data });
  expect(sent).toEqual([]);
  send(open);
  send({ type: "terminal_input", terminal: "t", data });
  send({ type: "terminal_input", terminal: "other", data });
  expect(sent).toEqual([open, { type: "terminal_input", terminal: "t", data }]);
});

it("passes over what is not of the schema", () => {
  const { sent, send } = world();
  const refused: readonly unknown[] = [
    undefined,
    "terminal_open",
    { ...open, columns: 0 },
    { ...open, rows: 1e9 },
    { ...open, columns: 80.5 },
    { ...open, terminal: "../../etc\n" },
    { ...open, terminal: "" },
    { type: "terminal_everything", terminal: "t" },
  ];
  for (const message of refused) send(message);
  expect(sent).toEqual([]);
  send(open);
  for (const message of [
    { type: "terminal_input", terminal: "t", data: "ls\r" },
    { type: "terminal_input", terminal: "t", data: new Uint8Array(1_000_000) },
    { type: "terminal_taken", terminal: "t", bytes: -1 },
    { type: "terminal_taken", terminal: "t", bytes: Number.POSITIVE_INFINITY },
  ])
    send(message);
  expect(sent).toEqual([open]);
});

it("ends each terminal once: by its program, by its kernel, or because there is no kernel for it", async () => {
  const { router, heard, send } = world();
  send(open);
  send({ ...open, terminal: "u" });
  send({ type: "terminal_jobs_request", id: "q", terminal: "u" });
  router.take({ type: "terminal_exit", terminal: "t", status: 0 });
  router.closeAll("python", "not asked");
  router.closeAll("shell", "Linux shell was restarted.");
  router.closeAll("shell", "again");
  router.take({ type: "terminal_exit", terminal: "u", status: 0 });
  expect(heard).toEqual([
    { type: "terminal_exit", terminal: "t", status: 0 },
    { type: "terminal_jobs_reply", parent: "q", terminal: "u", names: [] },
    { type: "terminal_exit", terminal: "u", reason: "Linux shell was restarted." },
  ]);
  const none = world({ reason: "No kernel here has terminals." });
  none.send(open);
  none.send({ type: "terminal_jobs_request", id: "q", terminal: "t" });
  expect(none.heard).toEqual([]);
  await Promise.resolve();
  expect(none.heard).toEqual([
    { type: "terminal_exit", terminal: "t", reason: "No kernel here has terminals." },
    { type: "terminal_jobs_reply", parent: "q", terminal: "t", names: [] },
  ]);
  expect(none.sent).toEqual([]);
});
