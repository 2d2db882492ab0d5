/**
 * Terminals on the machine of the cells: each an interactive bash on a pseudo-terminal of its own (K8 to K12 of
 * core/kernel/messages.ts; mode 1 of the agent's SPAWN). Output is gathered for a moment and given back as it is shown.
 */
import { WORKSPACE_DIRECTORY } from "#core/kernel/kernel.ts";
import type { FromTerminal, ToTerminal } from "#core/kernel/terminals.ts";
import { ENVIRONMENT, type GuestStreamHandle, type Mux } from "./mux.ts";
import type { Rest } from "./rest.ts";

/** Names the terminal in the environment of all that is started on it. */
const NAME = "KROMA_TERMINAL";
const STARTUP = "/run/kroma/terminal.bash";

/** What a terminal's shell reads first; a person's own ~/.bashrc has the last word. */
const STARTUP_TEXT = String.raw`[ -r /etc/bash.bashrc ] && . /etc/bash.bashrc
shopt -s checkwinsize histappend
HISTCONTROL=ignoreboth
PROMPT_COMMAND='history -a'
PS1='\[\e]0;\w\a\]\[\e[36m\]\w\[\e[0m\] \$ '
command -v clear >/dev/null || clear() { printf '\e[H\e[2J\e[3J'; }
command -v reset >/dev/null || reset() { printf '\ec'; stty sane; }
alias ls='ls --color=auto' grep='grep --color=auto' diff='diff --color=auto'
[ -r ~/.bashrc ] && . ~/.bashrc
`;

/**
 * The programs on the terminal $1, or on any, a line each; without starting any. A shell that leads its terminal's
 * session is none: asleep it waits for a command, else it is "-", for it may work itself or only write its prompt.
 */
const JOBS = String.raw`for p in /proc/[0-9]*; do
  mapfile -d '' -t e 2>/dev/null <$p/environ && IFS= read -r s 2>/dev/null <$p/stat || continue
  for v in "${"${e[@]}"}"; do
    [[ $v == ${NAME}=${"${1:-*}"} ]] || continue
    name=${"${s#*(}"} name=${"${name%)*}"}
    set -- "$1" ${"${s##*) }"}
    [[ $5 == ${"${p#/proc/}"} && $name == bash ]] && name=- && [[ $2 == S ]] && continue
    [[ $2 == Z ]] || printf '%s\n' "$name"
  done
done`;

/** Output waits so long for more, in milliseconds, unless there is this much. */
const GATHER = 2;
const GATHER_BYTES = 32 * 1024;

/** The terminals of one machine. */
export class Terminals {
  readonly #mux: Mux;
  readonly #rest: Rest;
  readonly #say: (message: FromTerminal) => void;
  readonly #open = new Map<string, OpenTerminal>();
  #startup: Promise<void> | undefined;

  constructor(mux: Mux, rest: Rest, say: (message: FromTerminal) => void) {
    this.#mux = mux;
    this.#rest = rest;
    this.#say = say;
  }

  /** How many are open: each has a shell of ours. */
  get count(): number {
    return this.#open.size;
  }

  /** True while all shells wait for a command and nothing else runs on any terminal. */
  async areQuiet(): Promise<boolean> {
    return this.#open.size === 0 || (await this.#list("")).length === 0;
  }

  take(message: ToTerminal): void {
    const { terminal } = message;
    const open = this.#open.get(terminal);
    switch (message.type) {
      case "terminal_open":
        if (!open) this.#start(message);
        return;
      case "terminal_input":
        return this.#with(open, (handle) => handle.write(message.data));
      case "terminal_resize":
        return this.#with(open, (handle) => handle.resize(message.columns, message.rows));
      case "terminal_taken":
        return open?.handle?.consumed(message.bytes);
      case "terminal_close":
        this.#with(open, (handle) => handle.close());
        return open?.end({ reason: "It was closed." });
      case "terminal_jobs_request": {
        const asked = open ? this.#rest.during(() => this.#list(terminal)) : Promise.resolve([]);
        const answer = (names: readonly string[]): void =>
          this.#say({ type: "terminal_jobs_reply", parent: message.id, terminal, names });
        void asked.then(
          (names) => answer(names.filter((name) => name !== "-")),
          () => answer([]),
        );
      }
    }
  }

  async #list(terminal: string): Promise<readonly string[]> {
    const { stdout } = await this.#mux.run(["/bin/bash", "-c", JOBS, "bash", ...(terminal ? [terminal] : [])]);
    return stdout.split("\n").filter(Boolean);
  }

  #start({ terminal, columns, rows }: Extract<ToTerminal, { type: "terminal_open" }>): void {
    const open = new OpenTerminal(terminal, (message) => {
      if (message.type === "terminal_exit") this.#open.delete(terminal);
      this.#say(message);
    });
    this.#open.set(terminal, open);
    const start = async (): Promise<void> => {
      this.#startup ??= this.#mux.writeFile(STARTUP, new TextEncoder().encode(STARTUP_TEXT));
      await this.#startup;
      open.handle = this.#mux.spawn(["/bin/bash", "--rcfile", STARTUP, "-i"], open, {
        mode: "terminal",
        directory: WORKSPACE_DIRECTORY,
        environment: { ...ENVIRONMENT, COLORTERM: "truecolor", PWD: WORKSPACE_DIRECTORY, [NAME]: terminal },
        columns,
        rows,
      });
    };
    open.ready = this.#rest.during(start);
    open.ready.catch((error: unknown) => open.onFail(error instanceof Error ? error.message : String(error)));
  }

  /** On the awake machine, in the order it was asked. */
  #with(open: OpenTerminal | undefined, act: (handle: GuestStreamHandle) => void): void {
    if (!open) return;
    const work = async (): Promise<void> => {
      await open.ready;
      if (open.handle) act(open.handle);
    };
    // A terminal that could not be started has said so already.
    void this.#rest.during(work).catch(() => undefined);
  }
}

/** One terminal, as the listener of its program. */
class OpenTerminal {
  handle: GuestStreamHandle | undefined;
  ready: Promise<void> = Promise.resolve();
  readonly #name: string;
  readonly #say: (message: FromTerminal) => void;
  #pieces: Uint8Array[] = [];
  #size = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(name: string, say: (message: FromTerminal) => void) {
    this.#name = name;
    this.#say = say;
  }

  onData(_stream: string, bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#pieces.push(bytes);
    this.#size += bytes.length;
    if (this.#size >= GATHER_BYTES) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), GATHER);
  }

  onExit(status: number): void {
    this.end({ status });
    // What the shell left behind loses its terminal, as when a window is closed.
    this.handle?.close();
  }

  onGone(): void {
    this.end({ reason: "Its program let go of it." });
  }

  onFail(reason: string): void {
    this.end({ reason: `It could not be opened: ${reason}` });
  }

  /** Says the end, once. */
  end(how: { readonly status: number } | { readonly reason: string }): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#say({ type: "terminal_exit", terminal: this.#name, ...how });
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#size === 0) return;
    const data = new Uint8Array(this.#size);
    let at = 0;
    for (const piece of this.#pieces) {
      data.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#size = 0;
    this.#say({ type: "terminal_output", terminal: this.#name, data });
  }
}
