/**
 * The long-lived bash in which cells run. Its commands go over a pipe of their own; a cell is a file that the shell
 * sources, with the cell's terminal as standard input and two pipes as standard output and error. The shell says
 * `done STATUS` on a third pipe, which the agent passes on after all output that came before (SPEC.md A9), so a cell's
 * end is known, not guessed. The guest's part is vm-images/guest/shellrc.bash.
 */
import { KromaError } from "#core/base/errors.ts";
import { WORKSPACE_DIRECTORY } from "#core/kernel/kernel.ts";
import { ENVIRONMENT, type GuestStream, type GuestStreamHandle, type Mux, type SignalTarget } from "./mux.ts";
import { interpreterOf } from "./scripts.ts";

/** How a cell ended. */
export interface CellEnd {
  readonly status: number;
  /** The shell itself ended with the cell: a new one goes on, with or without what the old one held. */
  readonly shell: "same" | "new" | "new, state kept";
}

/** What the shell tells while it runs cells. */
export interface ShellListener {
  /** Output, of the running cell or of what earlier cells left behind. Call `used` when the bytes are dealt with. */
  onOutput(stream: "stdout" | "stderr", bytes: Uint8Array, used: () => void): void;
  /** A program waits for a line; `hidden` if typing is not shown (passwords). Answer with `type`. */
  onWant(hidden: boolean): void;
}

const CELL = "/run/kroma/cell";
/** Runs a Python script as its first line asks, quickly (vm-images/agent/python.c). */
const PYTHON = "/usr/lib/kroma/python";
const SIGINT = 2;
const SIGKILL = 9;
/** Most bytes of a line on a terminal of Linux, with room to spare. */
const LINE = 4000;
const END_OF_INPUT = 4;
const LITERAL_NEXT = 0x16;

interface Running {
  readonly resolve: (end: CellEnd) => void;
  readonly reject: (error: unknown) => void;
}

/** One bash after another. */
export class Shell {
  readonly #mux: Mux;
  readonly #listener: ShellListener;
  #bash: Bash | undefined;
  #running: Running | undefined;
  #pieces: Uint8Array[] = [];
  #hidden = false;

  constructor(mux: Mux, listener: ShellListener) {
    this.#mux = mux;
    this.#listener = listener;
  }

  /** Resolves when a shell is ready; says if it took over what the last one held. */
  async start(): Promise<{ readonly kept: boolean }> {
    const bash = new Bash(this.#mux, {
      ...this.#listener,
      onOutput: (stream, bytes, used) => this.#listener.onOutput(stream, bytes, used),
      onWant: (hidden) => this.#wanted(hidden),
    });
    this.#bash = bash;
    return { kept: (await bash.ready).kept };
  }

  /** The shell's process id in the guest. */
  get pid(): number {
    return this.#bash?.pid ?? 1;
  }

  /** True while a cell runs. */
  get busy(): boolean {
    return this.#running !== undefined;
  }

  /** Runs a cell to its end. One at a time. A script (its first line is `#!…`) goes by the number it is given. */
  async run(code: string, number = 0): Promise<CellEnd> {
    // A notebook of shell cells may name the language all the same, as those of other languages must.
    const text = `${code.replace(/^%%(?:bash|sh|shell)(?=\s|$).*/, "").replaceAll("\r\n", "\n")}\n`;
    const program = interpreterOf(text);
    const path = program === undefined ? CELL : `${CELL}-${number}`;
    if (!this.#bash || this.#bash.ended) await this.start();
    const bash = this.#bash;
    if (!bash) throw new KromaError("unavailable", "the shell did not start");
    const end = new Promise<CellEnd>((resolve, reject) => (this.#running = { resolve, reject }));
    this.#pieces = [];
    this.#mux.setTime(Date.now());
    const kind = program === undefined ? "file" : "program";
    const written = this.#mux.writeFile(path, new TextEncoder().encode(text), kind);
    written
      .then(async () => {
        const status = program === undefined ? await bash.cell() : await bash.script(path, program);
        if (!bash.ended) return this.#finish({ status, shell: "same" });
        const { kept } = await this.start();
        this.#finish({ status, shell: kept ? "new, state kept" : "new" });
      })
      .catch((error: unknown) => {
        this.#running?.reject(error);
        this.#running = undefined;
      });
    return end;
  }

  /** As Ctrl-C: ends what runs in the foreground and the rest of the cell. Harder ways for what does not listen. */
  interrupt(how: "politely" | "again" | "foreground" | "shell"): void {
    if (!this.#running || !this.#bash) return;
    if (how === "politely") this.#bash.signal(SIGINT, "foreground");
    else if (how === "again") this.#bash.signal(SIGINT, "own group in the foreground");
    else if (how === "foreground") this.#bash.signal(SIGKILL, "foreground");
    else this.#bash.signal(SIGKILL, "process");
  }

  /** A line for the program that waits for one; undefined is the end of input. */
  type(line: string | undefined): void {
    if (!this.#running || !this.#bash) return;
    if (line === undefined) {
      this.#pieces = [];
      return this.#bash.type(Uint8Array.of(END_OF_INPUT), 0);
    }
    this.#pieces = inPieces(line);
    this.#typePiece(this.#hidden ? 0 : line.split("\n").length);
  }

  /** Completions of a word, as the running shell knows them; undefined while a cell runs. */
  async complete(kind: "command" | "variable" | "file", word: string): Promise<string[] | undefined> {
    if (this.#running || !this.#bash || this.#bash.ended) return undefined;
    return this.#bash.complete(kind, word);
  }

  #wanted(hidden: boolean): void {
    this.#hidden = hidden;
    if (this.#pieces.length > 0) this.#typePiece(0);
    else this.#listener.onWant(hidden);
  }

  #typePiece(echoes: number): void {
    const piece = this.#pieces.shift();
    if (piece) this.#bash?.type(piece, echoes);
  }

  #finish(end: CellEnd): void {
    const running = this.#running;
    this.#running = undefined;
    running?.resolve(end);
  }
}

/** A line as a terminal takes it: long ones in pieces, each handed over at once; control characters taken literally. */
function inPieces(line: string): Uint8Array[] {
  const quoted: number[] = [];
  for (const byte of new TextEncoder().encode(line)) {
    if ((byte < 32 && byte !== 9 && byte !== 10) || byte === 127) quoted.push(LITERAL_NEXT);
    quoted.push(byte);
  }
  quoted.push(10);
  const pieces: Uint8Array[] = [];
  let at = 0;
  while (quoted.length - at > LINE) {
    const cut = quoted[at + LINE - 1] === LITERAL_NEXT ? LINE - 1 : LINE;
    pieces.push(Uint8Array.from([...quoted.slice(at, at + cut), END_OF_INPUT]));
    at += cut;
  }
  pieces.push(Uint8Array.from(quoted.slice(at)));
  return pieces;
}

/** One process of bash. What its background jobs write is still heard after it has ended. */
class Bash {
  readonly ready: Promise<{ readonly kept: boolean }>;
  pid = 0;
  ended = false;
  readonly #handle: GuestStreamHandle;
  readonly #listener: ShellListener;
  readonly #decoder = new TextDecoder();
  #said = "";
  #status: number | undefined;
  #onReady: (state: { kept: boolean }) => void = () => undefined;
  #onFailed: (error: unknown) => void = () => undefined;
  #onDone: ((status: number) => void) | undefined;
  #onCompleted: ((found: string[]) => void) | undefined;
  /** How many typed lines the terminal is about to show; they are not output of the cell. */
  #echoes = 0;

  constructor(mux: Mux, listener: ShellListener) {
    this.#listener = listener;
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onFailed = reject;
    });
    this.#handle = mux.spawn(
      ["/bin/bash", "--noprofile", "--rcfile", "/usr/lib/kroma/shellrc", "--noediting", "-i"],
      {
        onData: (stream, bytes) => this.#data(stream, bytes),
        onExit: (status) => this.#exited(status),
        onFail: (reason) => this.#onFailed(new KromaError("unavailable", `the shell did not start: ${reason}`)),
        onWant: (echo) => this.#listener.onWant(!echo),
      },
      { mode: "shell", directory: WORKSPACE_DIRECTORY, environment: { ...ENVIRONMENT, PWD: WORKSPACE_DIRECTORY } },
    );
  }

  /** Sources the cell's file; resolves with its status, or with the shell's if it ended. */
  cell(): Promise<number> {
    const done = new Promise<number>((resolve) => (this.#onDone = resolve));
    if (this.ended) this.#onDone?.(this.#status ?? 0);
    this.#handle.watch(true);
    // The group ends the cell's process substitutions, which bash puts on 63 and below, before these are open again.
    this.#line(
      `__kroma_begin ${CELL}\n` +
        "[[ $- == *e* ]] || __kroma_last\n" +
        `{ \\builtin source ${CELL}; } <&60 >&61 2>&62 60<&- 61>&- 62>&- 63>&-\n` +
        "__kroma_done $?",
    );
    return done;
  }

  /** Runs a script as a program of its own in the shell's directory, with its exported variables. */
  script(path: string, program: "python" | "any"): Promise<number> {
    const done = new Promise<number>((resolve) => (this.#onDone = resolve));
    if (this.ended) this.#onDone?.(this.#status ?? 0);
    this.#handle.watch(true);
    const command = program === "python" ? `${PYTHON} ${path}` : path;
    // An interrupt makes bash give up the whole line; "set -e" is about the shell's own commands.
    this.#line(
      `__kroma_begin ${path}\n` +
        "__kroma_code=130\n" +
        // In braces bash's own word on the end of a program ("Aborted") goes to the cell, too.
        `{ ${command} <&60 >&61 60<&- 61>&- 62>&- 63>&-; } 2>&62 && __kroma_code=0 || __kroma_code=$?\n` +
        "__kroma_done $__kroma_code",
    );
    return done;
  }

  complete(kind: string, word: string): Promise<string[]> {
    const found = new Promise<string[]>((resolve) => (this.#onCompleted = resolve));
    this.#line(`__kroma_complete ${kind} '${word.replaceAll("'", `'\\''`)}' 2>/dev/null || \\builtin true`);
    return found;
  }

  type(bytes: Uint8Array, echoes: number): void {
    this.#echoes += echoes;
    this.#handle.type(bytes);
  }

  signal(number: number, target: SignalTarget): void {
    this.#handle.signal(number, target);
  }

  #line(text: string): void {
    this.#handle.write(new TextEncoder().encode(`${text}\n`));
  }

  #data(stream: GuestStream, bytes: Uint8Array): void {
    if (stream === "out" || stream === "err") {
      return this.#listener.onOutput(stream === "out" ? "stdout" : "stderr", bytes, () =>
        this.#handle.consumed(bytes.length),
      );
    }
    if (stream === "ctl") this.#control(this.#decoder.decode(bytes, { stream: true }));
    else {
      const shown = this.#withoutEcho(bytes);
      if (shown.length > 0) this.#listener.onOutput("stdout", shown, () => undefined);
    }
    this.#handle.consumed(bytes.length);
  }

  /** Programs may write to the terminal directly; the lines it shows because they were typed are left out. */
  #withoutEcho(bytes: Uint8Array): Uint8Array {
    let at = 0;
    while (this.#echoes > 0 && at < bytes.length) if (bytes[at++] === 10) this.#echoes--;
    return bytes.subarray(at).filter((byte) => byte !== 13);
  }

  #control(text: string): void {
    this.#said += text;
    for (;;) {
      const completed = /^complete\n([\s\S]*?)\/\/end\n/.exec(this.#said);
      const line = this.#said.startsWith("complete\n") ? undefined : /^(.*)\n/.exec(this.#said);
      const taken = completed ?? line;
      if (!taken) return;
      this.#said = this.#said.slice(taken[0].length);
      if (completed) {
        this.#onCompleted?.((completed[1] ?? "").split("\n").filter(Boolean));
        this.#onCompleted = undefined;
        continue;
      }
      const [word, number = "", rest] = (line?.[1] ?? "").split(" ");
      if (word === "ready") {
        this.pid = Number(number);
        this.#onReady({ kept: rest === "kept" });
      } else if (word === "done") this.#done(Number(number));
    }
  }

  #done(status: number): void {
    this.#handle.watch(false);
    this.#echoes = 0;
    const done = this.#onDone;
    this.#onDone = undefined;
    done?.(status);
  }

  #exited(status: number): void {
    this.ended = true;
    this.#status = status;
    this.#onFailed(new KromaError("unavailable", `the shell ended with status ${status} before it was ready`));
    this.#onCompleted?.([]);
    this.#done(status);
  }
}
