/** The `kroma` object of cells, which is also the module "kroma". */
import type { FromKernel, KernelReply } from "#core/kernel/messages.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";
import { type Answer, waitForAnswer } from "./control.ts";
import { makeFiles } from "./files.ts";
import { listValues, removeValue } from "#core/workspace/values.ts";
import type { CellValues } from "./values.ts";

export interface ApiParts {
  readonly connect: () => SyncFs;
  readonly values: CellValues;
  readonly send: (message: FromKernel) => void;
  /** The request whose code runs now. */
  readonly parent: () => string;
  readonly control: SharedArrayBuffer | undefined;
  /** Sends what was written so far; called before sleeping. */
  readonly flush: () => void;
  readonly interrupted: () => Error;
  readonly display: unknown;
  readonly clear: unknown;
  readonly widget: unknown;
  readonly ml: unknown;
  readonly table: unknown;
  readonly record: unknown;
  readonly plot: unknown;
}

/** What a shell command gave. */
export interface ShellResult {
  readonly stdout: string;
  readonly exitCode: number;
  toString(): string;
}

/** The API and the ways in for the page's answers. */
export interface Api {
  readonly kroma: Readonly<Record<string, unknown>>;
  /** prompt, alert, confirm. */
  readonly dialogs: Readonly<Record<string, unknown>>;
  kernelReply(reply: KernelReply): void;
  inputReply(parent: string, value: string | undefined): void;
  /** Gives up what a request waits for. */
  cancel(parent: string): void;
}

interface Waiting<T> {
  readonly parent: string;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

const MISSING = Symbol("missing");

export function makeApi(parts: ApiParts): Api {
  const inputs: Waiting<string>[] = [];
  const commands = new Map<string, Waiting<KernelReply>>();
  let count = 0;

  const input = (prompt: unknown = "", options: { readonly password?: boolean } = {}): Promise<string> => {
    const parent = parts.parent();
    return new Promise((resolve, reject) => {
      inputs.push({ parent, resolve, reject });
      parts.send({ type: "input_request", parent, prompt: String(prompt), password: options.password ?? false });
    });
  };

  const ask = (prompt: string): string | undefined => {
    const { control } = parts;
    if (!control)
      throw new Error("prompt() needs shared memory, which this page does not have: use `await kroma.input(…)`");
    const parent = parts.parent();
    parts.flush();
    const answer: Answer = waitForAnswer(control, () =>
      parts.send({ type: "input_request", parent, prompt, password: false }),
    );
    if (answer === "interrupted") throw parts.interrupted();
    return answer === "end" ? undefined : answer.value;
  };

  const shell = (
    code: string,
    options: { readonly capture?: boolean; readonly check?: boolean; readonly language?: string } = {},
  ): Promise<ShellResult> => {
    const id = `typescript-${++count}`;
    const parent = parts.parent();
    const capture = options.capture ?? true;
    return new Promise<KernelReply>((resolve, reject) => {
      commands.set(id, { parent, resolve, reject });
      parts.send({
        type: "kernel_request",
        id,
        parent,
        language: options.language ?? "shell",
        code: String(code),
        capture,
      });
    }).then((reply) => {
      const stdout = reply.stdout ?? "";
      const exitCode = reply.exitCode ?? (reply.status === "ok" ? 0 : 1);
      if (reply.status === "aborted") throw new Error(`The command was not run to its end: ${code}`);
      if (exitCode !== 0 && options.check !== false)
        throw Object.assign(new Error(`The command ended with status ${exitCode}: ${code}`), { stdout, exitCode });
      return { stdout, exitCode, toString: () => stdout };
    });
  };

  const kroma = Object.freeze({
    get: (name: string, ...fallback: readonly unknown[]) => parts.values.get(name, fallback),
    set: (name: string, value: unknown) => parts.values.set(name, value),
    list: () => listValues(parts.connect()),
    remove: (name: string) => removeValue(parts.connect(), name),
    files: Object.freeze(makeFiles(parts.connect)),
    display: parts.display,
    clear: parts.clear,
    widget: parts.widget,
    ml: parts.ml,
    table: parts.table,
    record: parts.record,
    plot: parts.plot,
    input,
    shell,
  });

  return {
    kroma,
    dialogs: {
      prompt: (message: unknown = "", initial: unknown = MISSING) => {
        const value = ask(String(message));
        if (value === undefined) return null;
        return value === "" && initial !== MISSING ? String(initial) : value;
      },
      alert: (message: unknown = "") => void ask(`${String(message)} [Enter] `),
      confirm: (message: unknown = "") => /^\s*(?:y|yes|ok|true|1)\s*$/i.test(ask(`${String(message)} [y/N] `) ?? ""),
    },
    kernelReply(reply) {
      commands.get(reply.parent)?.resolve(reply);
      commands.delete(reply.parent);
    },
    inputReply(parent, value) {
      const index = inputs.findIndex((waiting) => waiting.parent === parent);
      const [waiting] = index < 0 ? [] : inputs.splice(index, 1);
      if (value === undefined) waiting?.reject(Object.assign(new Error("the input has ended"), { name: "EOFError" }));
      else waiting?.resolve(value);
    },
    cancel(parent) {
      for (let index = inputs.length - 1; index >= 0; index--)
        if (inputs[index]!.parent === parent) inputs.splice(index, 1);
      for (const [id, waiting] of commands) if (waiting.parent === parent) commands.delete(id);
    },
  };
}
