/** Terminals on a real Linux: rules K8 to K12 of core/kernel/messages.ts. One machine for the whole file. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { FromKernel } from "#core/kernel/messages.ts";
import { type FromTerminal, TERMINAL_WINDOW } from "#core/kernel/terminals.ts";
import { type Linux, startLinux } from "./harness.ts";

let linux: Linux;
beforeAll(async () => {
  linux = await startLinux();
}, 600_000);
afterAll(() => linux?.close());

/** Somebody at a terminal. */
class Person {
  shown = "";
  bytes = 0;
  readonly exits: Extract<FromTerminal, { type: "terminal_exit" }>[] = [];
  /** Gives back what was shown. */
  reads = true;
  readonly terminal: string;
  readonly #decoder = new TextDecoder();
  readonly #waiting = new Set<() => void>();
  readonly #stop: () => void;

  constructor(terminal: string, size = { columns: 80, rows: 24 }) {
    this.terminal = terminal;
    this.#stop = linux.channel.receive((message) => this.#hear(message));
    linux.channel.send({ type: "terminal_open", terminal, ...size });
  }

  type(text: string): void {
    linux.channel.send({
      type: "terminal_input",
      terminal: this.terminal,
      data: new TextEncoder().encode(text),
    });
  }

  resize(columns: number, rows: number): void {
    linux.channel.send({ type: "terminal_resize", terminal: this.terminal, columns, rows });
  }

  /** Resolves when this is shown, and forgets all up to its end. */
  async sees(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.shown);
      if (found) {
        this.shown = this.shown.slice(found.index + found[0].length);
        return found;
      }
      if (this.exits.length > 0) throw new Error(`ended without ${pattern}: ${JSON.stringify(this.shown)}`);
      await this.something();
    }
  }

  /** Resolves at the next message. */
  something(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  async jobs(): Promise<readonly string[]> {
    const id = crypto.randomUUID();
    const answer = new Promise<readonly string[]>((resolve) => {
      const stop = linux.channel.receive((message) => {
        if (message.type !== "terminal_jobs_reply" || message.parent !== id) return;
        stop();
        resolve(message.names);
      });
    });
    linux.channel.send({ type: "terminal_jobs_request", id, terminal: this.terminal });
    return answer;
  }

  async close(): Promise<void> {
    linux.channel.send({ type: "terminal_close", terminal: this.terminal });
    while (this.exits.length === 0) await this.something();
    this.#stop();
  }

  #hear(message: FromKernel): void {
    if (!("terminal" in message) || message.terminal !== this.terminal) return;
    if (message.type === "terminal_output") {
      this.bytes += message.data.length;
      this.shown += this.#decoder.decode(message.data, { stream: true });
      if (this.reads) this.taken(message.data.length);
    } else if (message.type === "terminal_exit") this.exits.push(message);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  taken(bytes: number): void {
    for (let left = bytes; left > 0; left -= TERMINAL_WINDOW)
      linux.channel.send({
        type: "terminal_taken",
        terminal: this.terminal,
        bytes: Math.min(left, TERMINAL_WINDOW),
      });
  }
}

const PROMPT = /\/workspace.* # /;

test("a terminal has a prompt in the workspace, colours, history and the size it was opened with (K8)", async () => {
  const person = new Person("one", { columns: 101, rows: 33 });
  await person.sees(PROMPT);
  person.type('echo "$TERM $COLORTERM $(stty size) $-" "$(tty)"\r');
  const [, flags] = await person.sees(/xterm-256color truecolor 33 101 (\S+) \/dev\/pts\/\d+\r\n/);
  expect(flags).toMatch(/i.*m|m.*i/);
  person.resize(64, 20);
  person.type("stty size\r");
  await person.sees(/[\r\n]20 64\r\n/);
  person.type("history 1\r");
  await person.sees(/ history 1\r\n/);
  await person.close();
  expect(person.exits).toEqual([{ type: "terminal_exit", terminal: "one", reason: "It was closed." }]);
});

test("a cell and a terminal see the same files and processes, and neither waits for the other (K12)", async () => {
  const person = new Person("shared");
  await person.sees(PROMPT);
  await writeFile(join(linux.folder, "from-outside.txt"), "outside\n");
  person.type("cat from-outside.txt; echo from-terminal > t.txt; sleep 987 &\r");
  await person.sees(/[\r\n]outside\r\n/);
  await person.sees(PROMPT);
  const { stdout } = await linux.cell("cat t.txt; pgrep -f 'sleep 987' >/dev/null && echo seen");
  expect(stdout).toBe("from-terminal\nseen\n");
  const cell = linux.cell("read line; echo $line", {
    inputs: [],
    silent: true,
    onMessage: (message) => {
      if (message.type === "input_request") person.type("echo still $((40 + 2))\r");
    },
  });
  await person.sees(/still 42\r\n/);
  linux.channel.send({ type: "interrupt_request", id: "stop-reading" });
  expect((await cell).error?.ename).toBe("KeyboardInterrupt");
  await person.close();
  // Hanging up ends what was left in the background.
  const after = await linux.cell("while pgrep -f 'sleep 987' >/dev/null; do sleep 0.1; done; echo gone");
  expect(after.stdout).toBe("gone\n");
});

test("Ctrl-C, Ctrl-Z, fg and Ctrl-D do what they do on any terminal, and the end tells its status (K10)", async () => {
  const person = new Person("control");
  await person.sees(PROMPT);
  // It says when it goes on, because only then does it have the terminal again and hears Ctrl-C.
  person.type("sh -c 'trap \"echo again\" CONT; echo begun; while :; do sleep 0.05; done'\r");
  await person.sees(/begun\r\n/);
  expect(await person.jobs()).toContain("sh");
  person.type("\u001a");
  await person.sees(/\[1\]\+ {2}Stopped/);
  await person.sees(PROMPT);
  person.type("fg\r");
  await person.sees(/again\r\n/);
  person.type("\u0003");
  await person.sees(/\^C/);
  await person.sees(PROMPT);
  expect(await person.jobs()).toEqual([]);
  person.type("(exit 7)\r");
  await person.sees(PROMPT);
  person.type("\u0004");
  await person.sees(/exit\r\n/);
  while (person.exits.length === 0) await person.something();
  expect(person.exits).toEqual([{ type: "terminal_exit", terminal: "control", status: 7 }]);
  // Its end crossed these: they are passed over (K11), and a question is answered all the same.
  person.type("echo late\r");
  person.resize(10, 10);
  expect(await person.jobs()).toEqual([]);
  expect(person.exits).toHaveLength(1);
});

test(
  "a program that never stops writing waits while nobody reads, loses nothing, and can be stopped (K9)",
  { timeout: 240_000 },
  async () => {
    const person = new Person("flood");
    await person.sees(PROMPT);
    person.type("seq 1000000; echo END\r");
    await person.sees(/1\r\n2\r\n/);
    person.reads = false;
    person.bytes = 0;
    while (person.bytes < TERMINAL_WINDOW / 2) await person.something();
    const other = await linux.cell("echo the machine goes on");
    expect(other.stdout).toBe("the machine goes on\n");
    expect(person.bytes).toBeLessThanOrEqual(TERMINAL_WINDOW);
    person.reads = true;
    person.taken(person.bytes);
    person.type("\u0003");
    await person.sees(/\^C/);
    await person.sees(PROMPT);
    person.type("seq 100000; echo END\r");
    await person.sees(/END\r\n/);
    const [all] = await person.sees(/1\r\n2\r\n[^E]*END\r\n/);
    expect(all.split("\r\n")).toHaveLength(100_002);
    await person.close();
  },
);

test("opening a name twice does nothing, and a shell that is killed says by what", async () => {
  const person = new Person("twice");
  await person.sees(PROMPT);
  linux.channel.send({ type: "terminal_open", terminal: "twice", columns: 80, rows: 24 });
  person.type("echo only $((1 + 1))\r");
  await person.sees(/only 2\r\n/);
  await person.sees(PROMPT);
  person.type("kill -9 $$\r");
  while (person.exits.length === 0) await person.something();
  expect(person.exits).toEqual([{ type: "terminal_exit", terminal: "twice", status: 137 }]);
});

test("when the machine ends, its terminals do before it (K10)", { timeout: 600_000 }, async () => {
  const own = await startLinux();
  // The agent alone may open its port; whoever is root can take it from the agent's hands (pidfd_open, pidfd_getfd).
  const hostile =
    "$agent = syscall(434, 1, 0); for $fd (3 .. 9) { next unless readlink(qq(/proc/1/fd/$fd)) =~ /vport/; " +
    'open(PORT, ">&=", syscall(438, $agent, $fd, 0)); syswrite(PORT, "\\0" x 16384) while 1 }';
  const heard: FromKernel[] = [];
  own.channel.receive((message) => heard.push(message));
  const dead = new Promise<void>((resolve) => own.channel.onClose(() => resolve()));
  own.channel.send({ type: "terminal_open", terminal: "last", columns: 80, rows: 24 });
  const input = new TextEncoder().encode(`kill -9 1; echo >/dev/vport*p1; perl -e '${hostile}'\r`);
  own.channel.send({ type: "terminal_input", terminal: "last", data: input });
  await dead;
  const ends = heard.filter(({ type }) => type === "terminal_exit" || type === "status");
  expect(ends).toMatchObject([
    { type: "terminal_exit", terminal: "last" },
    { type: "status", status: "dead" },
  ]);
  await own.close();
});
