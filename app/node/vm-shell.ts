/**
 * `kroma vm shell`: a terminal on a fresh Linux machine whose /workspace is a folder of this one. On a terminal it is
 * like any other; with piped input bash reads its commands from there, and its exit status is this one's.
 */
import { randomId } from "#core/base/ids.ts";
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import { TERMINAL_INPUT } from "#core/kernel/terminals.ts";
import type { Channel } from "#core/base/channel.ts";
import { shellKernel } from "#kernels/shell/kernel.ts";
import type { Terminal } from "./cli-error.ts";
import { createNodeHost } from "./node-host.ts";
import { settingsFromEnvironment } from "./settings.ts";

/** Runs a shell until it ends; the answer is its exit status. */
export async function vmShell(folder: string, terminal: Terminal): Promise<number> {
  const host = await createNodeHost({ folder, settings: settingsFromEnvironment(process.env) });
  const abort = new AbortController();
  try {
    const channel = await shellKernel.start({ host, signal: abort.signal });
    return process.stdin.isTTY && process.stdout.isTTY
      ? await interactive(channel, terminal)
      : await piped(channel, terminal);
  } finally {
    abort.abort();
    await host.close();
  }
}

/** Hears the kernel until `isOver` gives a status. A kernel that dies is status 1. */
function until(
  channel: Channel<FromKernel, ToKernel>,
  terminal: Terminal,
  isOver: (message: FromKernel) => number | undefined,
): Promise<number> {
  return new Promise((resolve) => {
    let stage: string | undefined;
    channel.receive((message) => {
      if (message.type === "status" && message.status === "starting" && message.stage !== stage) {
        stage = message.stage?.replace(/ \d+ %$/, "");
        if (process.stderr.isTTY && stage !== undefined) process.stderr.write(`\r\u001b[K${stage} …`);
      }
      if (message.type === "status" && message.status === "idle" && process.stderr.isTTY)
        process.stderr.write("\r\u001b[K");
      if (message.type === "status" && message.status === "dead") {
        terminal.say(message.reason ?? "Linux ended.");
        resolve(1);
      }
      const status = isOver(message);
      if (status !== undefined) resolve(status);
    });
  });
}

async function interactive(channel: Channel<FromKernel, ToKernel>, terminal: Terminal): Promise<number> {
  const { stdin, stdout } = process;
  const name = randomId();
  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  channel.send({ type: "terminal_open", terminal: name, ...size() });
  const type = (data: Buffer): void => {
    for (let at = 0; at < data.length; at += TERMINAL_INPUT)
      channel.send({
        type: "terminal_input",
        terminal: name,
        data: Uint8Array.from(data.subarray(at, at + TERMINAL_INPUT)),
      });
  };
  const resize = (): void => channel.send({ type: "terminal_resize", terminal: name, ...size() });
  stdin.setRawMode(true);
  stdin.on("data", type).resume();
  stdout.on("resize", resize);
  try {
    return await until(channel, terminal, (message) => {
      if (message.type === "terminal_output" && message.terminal === name)
        stdout.write(message.data, () =>
          channel.send({ type: "terminal_taken", terminal: name, bytes: message.data.length }),
        );
      if (message.type !== "terminal_exit" || message.terminal !== name) return undefined;
      if (message.status === undefined) terminal.say(message.reason ?? "The terminal ended.");
      return message.status ?? 1;
    });
  } finally {
    stdin.setRawMode(false);
    stdin.off("data", type).pause();
    stdout.off("resize", resize);
  }
}

async function piped(channel: Channel<FromKernel, ToKernel>, terminal: Terminal): Promise<number> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const id = randomId();
  // In a bash of its own: what ends it (exit, set -e) ends the commands, not the machine's shell.
  const code = `bash -c '${Buffer.concat(chunks).toString().replaceAll("'", `'\\''`)}'`;
  let failed = 0;
  channel.send({ type: "execute_request", id, code, silent: true });
  return until(channel, terminal, (message) => {
    if (!("parent" in message) || message.parent !== id) return undefined;
    if (message.type === "stream") process[message.name].write(message.text);
    // A program that asks has had all there is: standard input was the commands.
    if (message.type === "input_request") channel.send({ type: "input_reply", parent: id });
    if (message.type === "error") failed = Number(/^exit status (\d+)/.exec(message.evalue)?.[1] ?? 1);
    return message.type === "status" && message.status === "idle" ? failed : undefined;
  });
}
