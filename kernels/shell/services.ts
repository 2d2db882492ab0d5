/**
 * What the notebook does for programs of the machine (the verbs of vm-images/agent/CALLS.md): code for its other kernels,
 * displays, the preview. Text goes back to the caller; displays belong to the cell, so they are the session's to place.
 */
import { KromaError } from "#core/base/errors.ts";
import type { FromKernel, KernelOutput, KernelReply, StreamMessage } from "#core/kernel/messages.ts";
import type { ServiceCancel, ServiceReply, ServiceRequest } from "#core/kernel/services.ts";
import { type Call, Calls, printable } from "./calls.ts";
import type { Mux, OnCall } from "./mux.ts";
import { proxyConnection, tunnelSentence } from "./proxy.ts";
import { bundleOfFile } from "./shown.ts";
import { Web } from "./web.ts";

export interface ServiceParts {
  readonly say: (message: Exclude<FromKernel, StreamMessage>) => void;
  /** The request whose cell runs, or ran last; undefined before the first. */
  readonly parent: () => string | undefined;
  /** The machine's agent, which is there when something calls. */
  readonly mux: () => Mux;
  /** Asks what plugins do (core/kernel/services.ts). */
  readonly ask: (message: ServiceRequest | ServiceCancel, transfer: readonly ArrayBuffer[]) => void;
  /** A sentence for the cell's standard error. */
  readonly note: (text: string) => void;
}

const LANGUAGES: Readonly<Record<string, string>> = { py: "python", ts: "typescript" };

/** The services of one machine. */
export class Services {
  readonly #calls = new Calls((call) => this.#perform(call));
  readonly #parts: ServiceParts;
  /** Calls that wait for another kernel, by the id of their kernel_request. */
  readonly #asked = new Map<string, Call>();
  #count = 0;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** The way to the web, closed until `Web.allow` says otherwise. */
  readonly web = new Web([], { onWanted: (host) => this.#parts.say({ type: "web_wanted", host }) });

  /** The listener of a program that calls, or uses the proxy. */
  readonly accept: OnCall = (handle, kind) =>
    kind === "call"
      ? this.#calls.accept(handle)
      : proxyConnection(handle, {
          web: this.web,
          dial: (port, listener) => this.#parts.mux().dial(port, listener),
          // Programs show the proxy's number and not its sentence.
          onTunnel: (host) => this.#parts.note(`kroma: ${printable(tunnelSentence(host))}\n`),
        });

  /** The answer to what a call asked of the session or of a plugin's service. */
  take(message: KernelOutput | KernelReply | ServiceReply): void {
    if (message.type === "service_reply") return this.#served(message);
    const call = this.#asked.get(message.parent);
    if (!call) return;
    if (message.type === "kernel_output")
      return message.name === "stdout" ? call.out(message.text) : call.err(message.text);
    this.#asked.delete(message.parent);
    if (message.status === "aborted") call.err("kroma: it was given up before its end\n");
    call.exit(message.status === "ok" ? 0 : message.status === "error" ? 1 : 130);
  }

  #perform(call: Call): void {
    try {
      if (call.verb === "display") this.#display(call);
      else if (call.verb === "py" || call.verb === "ts") this.#run(call);
      else if (call.verb === "open") this.#open(call);
      else if (call.verb === "service") this.#service(call);
      else if (call.verb === "fetch") void this.#fetch(call).catch((error: unknown) => fail(call, error));
      else call.exit(2);
    } catch (error) {
      fail(call, error);
    }
  }

  async #fetch(call: Call): Promise<void> {
    const abort = new AbortController();
    call.onGone(() => abort.abort());
    const response = await this.web.ask({ url: call.words[0] ?? "", method: "GET", headers: [] }, abort.signal);
    if (!response.ok)
      throw new KromaError(
        "unavailable",
        `the server answered with status ${response.status} ${response.statusText}`.trim(),
      );
    for (const reader = response.body?.getReader(); reader;) {
      const { done, value } = await reader.read();
      if (done) break;
      call.out(value);
      await call.hasRoom();
    }
    call.exit(0);
  }

  #run(call: Call): void {
    const id = `shell-${++this.#count}`;
    const parent = call.terminal === "" ? this.#parts.parent() : undefined;
    this.#asked.set(id, call);
    call.onGone(() => {
      if (this.#asked.delete(id)) this.#parts.say({ type: "kernel_cancel", request: id });
    });
    this.#parts.say({
      type: "kernel_request",
      id,
      ...(parent === undefined ? {} : { parent }),
      language: LANGUAGES[call.verb] ?? "",
      code: new TextDecoder().decode(call.body),
      capture: false,
      streams: true,
      name: `kroma ${call.verb}`,
    });
  }

  /** A command of a service: its words, the directory in which it was typed, and its standard input (C7). */
  #service(call: Call): void {
    const [named = "", directory = "", ...typed] = call.words;
    const isPipeline = named === "ml" && typed[0] === "pipeline";
    const [service, words] = isPipeline ? ["pipelines", typed.slice(1)] : [named, typed];
    const id = `shell-service-${++this.#count}`;
    this.#asked.set(id, call);
    call.onGone(() => {
      if (this.#asked.delete(id)) this.#parts.ask({ type: "service_cancel", request: id }, []);
    });
    const input = call.body.slice().buffer;
    const value = { words, directory };
    this.#parts.ask({ type: "service_request", id, service, method: "command", value, buffers: [input] }, [input]);
  }

  #served({ parent, value, buffers, error }: ServiceReply): void {
    const call = this.#asked.get(parent);
    if (!call) return;
    this.#asked.delete(parent);
    if (error) return fail(call, new Error(error.message));
    for (const buffer of buffers ?? []) call.out(new Uint8Array(buffer));
    const { status = 0, complaint = "" } = (value ?? {}) as { readonly status?: number; readonly complaint?: string };
    if (complaint !== "") call.err(complaint);
    call.exit(status);
  }

  #open(call: Call): void {
    const port = Number(call.words[0]);
    const path = call.words[1] ?? "/";
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new KromaError("invalid", "that is not a port");
    if (!/^\/[\u0021-\u007e]{0,2048}$/.test(path)) throw new KromaError("invalid", "that is not a path on a server");
    this.#parts.say({ type: "port_open", port, path });
    call.exit(0);
  }

  #display(call: Call): void {
    const parent = this.#parts.parent();
    if (call.terminal !== "" || parent === undefined) {
      throw new KromaError("invalid", "a terminal has no cell to show it at; use kroma display in a shell cell");
    }
    const [mime = "", name = "-"] = call.words;
    const shown = printable(name === "-" ? "standard input" : name);
    this.#parts.say({ type: "display_data", parent, data: bundleOfFile(call.body, shown, mime), metadata: {} });
    call.exit(0);
  }
}

function fail(call: Call, error: unknown): void {
  call.err(`kroma: ${printable(error instanceof Error ? error.message : String(error))}\n`);
  call.exit(1);
}
