/**
 * What any kernel must do, whatever its language and wherever it runs: rules K1 to K7 of core/kernel/messages.ts.
 * Called with the kernel, a host and the same few programs in the kernel's language.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Channel } from "#core/base/channel.ts";
import type { MimeBundle } from "#core/kernel/mime.ts";
import type { Kernel, KernelHost, KernelWorker } from "#core/kernel/kernel.ts";
import type { ErrorMessage, ExecuteReply, FromKernel, ToKernel } from "#core/kernel/messages.ts";

/** The programs, in the kernel's language. */
export interface KernelSamples {
  /** Prints "out 1" and "out 2" to standard output, on a line each. */
  readonly print: string;
  /** Prints "warn" to standard error; absent where there is none. */
  readonly warn?: string;
  /** Prints 20,000 lines "line 0" to "line 19999". */
  readonly printMany: string;
  /** Prints the three lines "é😀", "ß" and "漢字". */
  readonly unicode: string;
  /** Shows 42 as its value, or prints it where the language has no value to show. */
  readonly answer: string;
  /** Remembers 7 under a name, and prints the remembered value; absent where nothing is kept from cell to cell. */
  readonly memory?: { readonly remember: string; readonly recall: string };
  /** Prints "before", then fails; `errorName` is the error's name. */
  readonly fail: string;
  readonly errorName: string;
  /** Is not of the language's grammar, and the error's line if it is told. */
  readonly nonsense: string;
  /** Prints "started", then never ends, and never waits. */
  readonly spin: string;
  /** Prints "started", then waits for a minute. */
  readonly sleep: string;
  /** Reads a line and prints "hello <line>"; absent where no code reads. */
  readonly ask?: string;
  /** Prints the working directory; absent where there is none. */
  readonly directory?: string;
  /** Writes the text "shared" to the file conformance.txt in the working directory, and prints its text; absent where no code runs. */
  readonly file?: { readonly write: string; readonly read: string };
  /** Code and cursor for which `label` is among the completions. */
  readonly complete: { readonly code: string; readonly label: string };
  /** Prints "before", shows a display, prints "after"; absent where there are no displays. */
  readonly display?: string;
  /** A server, where the kernel has a machine: code that starts it in the background and code that ends it. */
  readonly server?: {
    readonly start: string;
    readonly port: number;
    /** What it serves at "/". */
    readonly page: string;
    readonly stop: string;
  };
  /** Brings the worker down from the inside; absent where code can't. */
  readonly crash?: string;
  /** True: there is no worker that could die. */
  readonly hasNoWorker?: boolean;
  /** True: what it says is a display that grows, as plain text, in place of standard output. */
  readonly speaksInDisplays?: boolean;
  /** What a display says, in place of standard output. */
  readonly textOf?: (data: MimeBundle) => string;
}

/** A kernel under test, with everything it said. */
class Probe {
  readonly heard: FromKernel[] = [];
  closed = false;
  readonly #channel: Channel<FromKernel, ToKernel>;
  readonly #speaksInDisplays: boolean;
  readonly #textOf: KernelSamples["textOf"];
  readonly #waiting = new Set<{ readonly test: () => boolean; readonly resolve: () => void }>();
  #count = 0;

  constructor(channel: Channel<FromKernel, ToKernel>, { speaksInDisplays = false, textOf }: KernelSamples) {
    this.#channel = channel;
    this.#speaksInDisplays = speaksInDisplays;
    this.#textOf = textOf;
    channel.onClose(() => {
      this.closed = true;
      this.#look();
    });
    channel.receive((message) => {
      this.heard.push(message);
      this.#look();
    });
  }

  #look(): void {
    for (const waiting of this.#waiting) {
      if (!waiting.test()) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** Resolves when the test holds; it is tried at each message. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add({ test, resolve });
      this.#look();
    });
  }

  send(message: ToKernel): void {
    this.#channel.send(message);
  }

  close(): void {
    this.#channel.close();
  }

  start(code: string, how: { readonly storeHistory?: boolean } = {}): string {
    const id = `conformance-${(this.#count += 1)}`;
    this.send({ type: "execute_request", id, code, name: "cell 1", ...how });
    return id;
  }

  /** Asks a server of the kernel's machine; resolves with the request's id when it is over. */
  async http(port: number, path: string): Promise<string> {
    const id = `http-${(this.#count += 1)}`;
    this.send({ type: "http_request", id, port, path, method: "GET", headers: [] });
    await this.until(() => this.of(id).some(({ type }) => type === "http_end"));
    return id;
  }

  of(parent: string): FromKernel[] {
    return this.heard.filter((message) => "parent" in message && message.parent === parent);
  }

  reply(parent: string): ExecuteReply | undefined {
    return this.of(parent).find((message) => message.type === "execute_reply");
  }

  error(parent: string): ErrorMessage | undefined {
    return this.of(parent).find((message) => message.type === "error");
  }

  text(parent: string, name: "stdout" | "stderr" = "stdout"): string {
    if (this.#speaksInDisplays && name === "stdout") return this.#displayed(parent);
    return this.of(parent)
      .map((message) => {
        if (message.type === "stream" && message.name === name) return message.text;
        return message.type === "display_data" && name === "stdout" ? (this.#textOf?.(message.data) ?? "") : "";
      })
      .join("");
  }

  /** The last state of the display that holds the answer. */
  #displayed(parent: string): string {
    let text = "";
    for (const message of this.of(parent)) {
      if (message.type !== "display_data" && message.type !== "update_display_data") continue;
      if (message.displayId?.endsWith("-answer")) text = String(message.data["text/plain"]);
    }
    return text;
  }

  /** Runs code to its end: reply and idle, in whatever order. */
  async run(code: string): Promise<string> {
    const id = this.start(code);
    await this.ended(id);
    return id;
  }

  ended(id: string): Promise<void> {
    return this.until(() => {
      const about = this.of(id);
      return (
        about.some(({ type }) => type === "execute_reply") &&
        about.some((m) => m.type === "status" && m.status === "idle")
      );
    });
  }

  async interrupt(id: string): Promise<void> {
    this.send({ type: "interrupt_request", id: `${id}-interrupt` });
    await this.until(() => this.reply(id) !== undefined);
  }

  /** Idle now, after whatever it went through. */
  ready(): Promise<void> {
    return this.until(() => {
      const status = this.heard.findLast((message) => message.type === "status");
      return this.closed || status?.status === "idle" || status?.status === "busy";
    });
  }
}

/** A host whose last worker can be brought down as if it had failed. */
function breakableHost(host: KernelHost): { readonly host: KernelHost; breakWorker(reason: string): void } {
  let last: KernelWorker | undefined;
  const listeners = new Set<(message: string) => void>();
  return {
    host: {
      spawn(program) {
        const worker = host.spawn(program);
        last = worker;
        const onError = (listener: (message: string) => void) => {
          listeners.add(listener);
          const stop = worker.onError(listener);
          return () => {
            listeners.delete(listener);
            stop();
          };
        };
        return { port: worker.port, terminate: () => worker.terminate(), onError };
      },
      asset: (path) => host.asset(path),
      workspace: host.workspace,
      settings: host.settings,
      foreign: host.foreign,
    },
    breakWorker(reason) {
      last?.terminate();
      for (const listener of listeners) listener(reason);
    },
  };
}

function expectDeath(probe: Probe, request: string): void {
  expect(probe.of(request).filter(({ type }) => type === "execute_reply")).toMatchObject([{ status: "aborted" }]);
  const dead = probe.heard.findIndex((message) => message.type === "status" && message.status === "dead");
  expect(probe.heard[dead]).toMatchObject({ reason: expect.any(String) });
  expect(probe.heard.findIndex((m) => m.type === "execute_reply" && m.parent === request)).toBeLessThan(dead);
}

/** Runs the suite. The host is made once for all of it. */
export function kernelConformance(
  name: string,
  kernel: Kernel,
  makeHost: () => Promise<{ readonly host: KernelHost; readonly close: () => Promise<void> }>,
  samples: KernelSamples,
): void {
  describe(`${name} kernel`, () => {
    let made: Awaited<ReturnType<typeof makeHost>>;
    let probe: Probe;
    const abort = new AbortController();

    const startProbe = async (signal: AbortSignal = abort.signal): Promise<Probe> => {
      const started = new Probe(await kernel.start({ host: made.host, signal }), samples);
      await started.ready();
      const last = started.heard.findLast((message) => message.type === "status");
      if (started.closed) throw new Error(`The kernel did not start: ${last?.reason ?? "it closed without a word"}`);
      return started;
    };

    beforeAll(async () => {
      made = await makeHost();
      probe = await startProbe();
    }, 120_000);

    afterAll(async () => {
      abort.abort();
      probe?.close();
      await made?.close();
    });

    it("says that it starts, in words, before it is idle", () => {
      const statuses = probe.heard.filter((message) => message.type === "status");
      expect(statuses[0]).toMatchObject({ status: "starting", stage: expect.any(String) });
      expect(statuses.at(-1)).toMatchObject({ status: "idle" });
      expect(kernel.spec.language).toMatch(/^[a-z]+$/);
    });

    it("K1, K2: busy first, outputs, one reply, idle, all with the request as parent", async () => {
      const id = await probe.run(samples.print);
      const about = probe.of(id);
      expect(about[0]).toMatchObject({ type: "status", status: "busy" });
      expect(about.filter(({ type }) => type === "execute_reply")).toMatchObject([{ status: "ok" }]);
      expect(about.filter((m) => m.type === "status" && m.status === "idle").length).toBe(1);
      const outputs = about.findLastIndex(({ type }) => type === "stream" || type.includes("display"));
      expect(outputs).toBeGreaterThan(0);
      expect(outputs).toBeLessThan(about.findIndex(({ type }) => type === "execute_reply"));
      expect(probe.text(id)).toBe("out 1\nout 2\n");
    });

    const { warn, memory, ask, file } = samples;
    const later = memory?.recall ?? samples.print;
    if (warn !== undefined) {
      it("keeps standard error apart", async () => {
        const id = await probe.run(warn);
        expect(probe.text(id, "stderr").trim()).toBe("warn");
        expect(probe.text(id)).toBe("");
      });
    }

    it("shows or prints a value", async () => {
      const id = await probe.run(samples.answer);
      const result = probe.of(id).find((message) => message.type === "execute_result");
      const shown = result ? result.data["text/plain"] : probe.text(id);
      expect(String(shown).trim()).toBe("42");
      if (result) expect(result.count).toBe(probe.reply(id)?.count);
    });

    it("counts, and remembers from cell to cell what can be kept", async () => {
      const first = await probe.run(memory?.remember ?? samples.print);
      const second = await probe.run(later);
      if (memory) expect(probe.text(second).trim()).toBe("7");
      const [one, two] = [probe.reply(first)?.count, probe.reply(second)?.count];
      expect((two ?? 0) - (one ?? 0)).toBe(1);
    });

    it("shows a value without counting it, when it shall not be stored", async () => {
      const first = await probe.run(later);
      const id = probe.start(samples.answer, { storeHistory: false });
      await probe.ended(id);
      const result = probe.of(id).find((message) => message.type === "execute_result");
      expect(String(result ? result.data["text/plain"] : probe.text(id)).trim()).toBe("42");
      expect(probe.reply(id)?.count).toBeUndefined();
      const next = await probe.run(later);
      expect((probe.reply(next)?.count ?? 0) - (probe.reply(first)?.count ?? 0)).toBe(1);
    });

    it("K3: runs requests one after another in the order they came", async () => {
      const ids = [samples.print, later, samples.print].map((code) => probe.start(code));
      await Promise.all(ids.map((id) => probe.ended(id)));
      const order = probe.heard.flatMap((m) =>
        m.type === "execute_reply" && ids.includes(m.parent) ? [m.parent] : [],
      );
      expect(order).toEqual(ids);
      const about = probe.heard.flatMap((m) =>
        "parent" in m && m.parent !== undefined && ids.includes(m.parent) ? [m.parent] : [],
      );
      // A request's last word comes before the next one's first.
      expect(about.filter((id, index) => id !== about[index - 1])).toEqual(ids);
    });

    it("K4: a failure is told as an error with its name, and later cells run", async () => {
      const id = await probe.run(samples.fail);
      expect(probe.text(id).trim()).toBe("before");
      expect(probe.error(id)).toMatchObject({ ename: samples.errorName, traceback: expect.any(Array) });
      expect(probe.reply(id)?.status).toBe("error");
      const types = probe.of(id).map(({ type }) => type);
      expect(types.indexOf("error")).toBeLessThan(types.indexOf("execute_reply"));
      expect(probe.reply(await probe.run(samples.print))?.status).toBe("ok");
    });

    it("K4: nonsense is an error too", async () => {
      const id = await probe.run(samples.nonsense);
      expect(probe.error(id)?.ename).toBeTruthy();
      expect(probe.reply(id)?.status).toBe("error");
    });

    it("K6: many lines come whole and in order", async () => {
      const id = await probe.run(samples.printMany);
      const lines = probe.text(id).split("\n");
      expect(lines.length).toBe(20_001);
      expect(lines.findIndex((line, index) => index < 20_000 && line !== `line ${index}`)).toBe(-1);
    });

    it("K6: text is never cut inside a character", async () => {
      const id = await probe.run(samples.unicode);
      expect(probe.text(id)).toBe("é😀\nß\n漢字\n");
      for (const message of probe.of(id)) if (message.type === "stream") expect(message.text.isWellFormed()).toBe(true);
    });

    const { display } = samples;
    if (display !== undefined) {
      it("K6: text before a display comes before it", async () => {
        const id = await probe.run(display);
        const shown = probe
          .of(id)
          .flatMap((m) => (m.type === "stream" ? [m.text.trim()] : m.type === "display_data" ? ["display"] : []));
        expect(shown).toEqual(["before", "display", "after"]);
      });
    }

    if (ask !== undefined) {
      it("asks for input, and takes the end of it", async () => {
        const answered = probe.start(ask);
        await probe.until(
          () => probe.of(answered).some(({ type }) => type === "input_request") || probe.reply(answered) !== undefined,
        );
        probe.send({ type: "input_reply", parent: answered, value: "Ada" });
        await probe.ended(answered);
        expect(probe.text(answered)).toContain("hello Ada");
        const refused = probe.start(ask);
        await probe.until(
          () => probe.of(refused).some(({ type }) => type === "input_request") || probe.reply(refused) !== undefined,
        );
        probe.send({ type: "input_reply", parent: refused });
        await probe.ended(refused);
        expect(probe.text(refused)).not.toContain("Ada");
      });
    }

    if (file) {
      it("starts in the workspace, and its files stay", async () => {
        if (samples.directory !== undefined) {
          expect(probe.text(await probe.run(samples.directory)).trim()).toBe("/workspace");
        }
        await probe.run(file.write);
        expect(probe.text(await probe.run(file.read)).trim()).toBe("shared");
      });
    }

    it("completes names", async () => {
      if (memory) await probe.run(memory.remember);
      const { code, label } = samples.complete;
      probe.send({ type: "complete_request", id: "complete", code, cursor: code.length });
      await probe.until(() => probe.of("complete").length > 0);
      const [reply] = probe.of("complete");
      expect(reply).toMatchObject({ type: "complete_reply" });
      const labels = reply?.type === "complete_reply" ? reply.matches.map((match) => match.label) : [];
      expect(labels).toContain(label);
    });

    it("K5: an interrupt ends a cell that waits, and what it knew is kept", async () => {
      if (memory) await probe.run(memory.remember);
      const id = probe.start(samples.sleep);
      await probe.until(() => probe.text(id).includes("started"));
      await probe.interrupt(id);
      await probe.ready();
      expect(probe.error(id)?.ename).toBe("KeyboardInterrupt");
      expect(probe.reply(id)?.status).not.toBe("ok");
      if (!probe.closed && memory) expect(probe.text(await probe.run(memory.recall)).trim()).toBe("7");
    });

    it("K5, K7: an interrupt ends a cell that never waits, by restart if need be", async () => {
      const spinning = await startProbe();
      const id = spinning.start(samples.spin);
      await spinning.until(() => spinning.text(id).includes("started"));
      await spinning.interrupt(id);
      await spinning.ready();
      if (!spinning.closed) {
        expect(spinning.error(id)?.ename).toBe("KeyboardInterrupt");
        expect(spinning.text(await spinning.run(samples.print))).toBe("out 1\nout 2\n");
      }
      spinning.close();
    });

    it("an interrupt when nothing runs does nothing", async () => {
      probe.send({ type: "interrupt_request", id: "idle-interrupt" });
      expect(probe.text(await probe.run(samples.print))).toBe("out 1\nout 2\n");
    });

    if (samples.hasNoWorker !== true) {
      it("K7: a kernel whose worker dies answers its cell, says why, and closes", async () => {
        const breakable = breakableHost(made.host);
        const crashing = new Probe(await kernel.start({ host: breakable.host, signal: abort.signal }), samples);
        await crashing.ready();
        const id = crashing.start(samples.sleep);
        await crashing.until(() => crashing.text(id).includes("started"));
        breakable.breakWorker("the test has ended it");
        await crashing.until(() => crashing.closed);
        expectDeath(crashing, id);
      });
    }

    const { server } = samples;
    if (server !== undefined) {
      it("K15, K17: tells of a server while it runs, and answers for it exactly once", async () => {
        const ports = (): readonly number[] =>
          probe.heard.findLast((message) => message.type === "machine_activity")?.ports ?? [];
        await probe.run(server.start);
        await probe.until(() => ports().includes(server.port));
        const page = probe.of(await probe.http(server.port, "/"));
        expect(page[0]).toMatchObject({ type: "http_response", status: 200 });
        const body = page.flatMap((message) => (message.type === "http_data" ? [...message.data] : []));
        expect(new TextDecoder().decode(Uint8Array.from(body))).toContain(server.page);
        expect(page.filter(({ type }) => type === "http_end")).toEqual([
          { type: "http_end", parent: expect.any(String) },
        ]);
        await probe.run(server.stop);
        await probe.until(() => !ports().includes(server.port));
        const gone = probe.of(await probe.http(server.port, "/"));
        expect(gone).toMatchObject([{ type: "http_end", error: expect.stringMatching(/\w/) }]);
      });
    }

    const { crash } = samples;
    if (crash !== undefined) {
      it("K7: the same when the cell itself brings the worker down", async () => {
        const crashing = await startProbe();
        const id = crashing.start(crash);
        await crashing.until(() => crashing.closed);
        expectDeath(crashing, id);
      });
    }

    it("ends at once, also while it starts, when the signal says so", async () => {
      const early = new AbortController();
      const starting = new Probe(await kernel.start({ host: made.host, signal: early.signal }), samples);
      early.abort();
      await starting.until(() => starting.closed);
      const late = new AbortController();
      const running = await startProbe(late.signal);
      running.start(samples.spin);
      late.abort();
      await running.until(() => running.closed);
    });
  });
}
