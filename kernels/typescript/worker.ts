/**
 * The TypeScript kernel's worker program, in a browser's worker and in a thread of Node. The first message is a
 * TypeScriptInit, all others are ToKernel; everything it says is FromKernel.
 */
import type { FromKernel, ToKernel } from "#core/kernel/messages.ts";
import type { ServiceProgress, ServiceReply } from "#core/kernel/services.ts";
import type { Ping, Pong } from "#core/kernel/watch.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { makeApi } from "./api.ts";
import { complete, inspectAt } from "./complete.ts";
import { makeConsole } from "./console.ts";
import type { TypeScriptInit } from "./control.ts";
import { makeDisplay } from "./display.ts";
import { needDocument } from "./dom.ts";
import { Sources } from "./errors.ts";
import { makeFetch } from "./fetch.ts";
import { makeFiles, workspacePath } from "./files.ts";
import {
  giveUpPowers,
  guardPipe,
  hiddenNames,
  hideNode,
  takeHost,
  watchFailures,
  Work,
  type Ownership,
} from "./guard.ts";
import { Interpreter, KeyboardInterrupt } from "./interpreter.ts";
import { Fragment, h } from "./jsx.ts";
import { html, md, svg } from "./markup.ts";
import { makeMl } from "./ml.ts";
import { Modules } from "./modules.ts";
import { Output } from "./output.ts";
import { chartOf, type PlotOptions } from "./plot.ts";
import { Resolver } from "./resolver.ts";
import { Names } from "./scope.ts";
import { ServiceClient } from "./services.ts";
import { makeTrain } from "./train.ts";
import { CellValues } from "./values.ts";
import { Widgets } from "./widget.ts";

// Libraries call deep; the frames of a cell are what its author looks for.
(Error as { stackTraceLimit?: number }).stackTraceLimit = 60;

const host = takeHost();
// Buffers in messages are copies of the kernel's own, so they can be given away.
const post = (message: FromKernel | Pong) =>
  host.post(message, "buffers" in message ? [...(message.buffers ?? [])] : []);

let kernel: ((message: ToKernel | ServiceReply | ServiceProgress) => void) | undefined;
guardPipe((message) => {
  if ((message as Ping).type === "ping") post({ type: "pong" });
  else if (kernel) kernel(message as ToKernel | ServiceReply | ServiceProgress);
  else kernel = start(message as TypeScriptInit);
});

function start(init: TypeScriptInit): (message: ToKernel | ServiceReply | ServiceProgress) => void {
  const owner: Ownership = { current: "" };
  const output = new Output(post, host.setTimeout, host.now);
  const sources = new Sources();
  sources.npm = `${init.assets}npm/`;

  const work = new Work(owner);
  let files: SyncFs | undefined;
  const connect = (): SyncFs => {
    if (!init.workspace)
      throw new Error(
        "The workspace cannot be reached: this page has no shared memory (it is not cross-origin isolated)",
      );
    files ??= new SyncFs(init.workspace, { owner: init.owner });
    return files;
  };

  work.install({ ...host, fetch: makeFetch(host.fetch, connect) });
  if (init.foreign) giveUpPowers();
  const names = new Names(hiddenNames());

  const parent = () => owner.current;
  /** Tells an error that no cell's own code can catch. */
  const failed = (error: unknown, whose: string): void =>
    output.write("stderr", `${sources.report(error).traceback.join("\n")}\n`, whose);
  const { display, clear } = makeDisplay(output, parent, failed);
  const widgets = new Widgets({
    send: (message) => output.send(message),
    owner,
    failed,
    readFile: (path) => makeFiles(connect).readText(path),
  });
  const values = new CellValues(connect);
  const services = new ServiceClient((message, transfer) => host.post(message, [...transfer]), parent);
  const api = makeApi({
    connect,
    values,
    send: (message) => output.send(message),
    parent,
    control: init.control,
    flush: () => void output.flush(),
    interrupted: () => new KeyboardInterrupt("The cell was interrupted"),
    display,
    clear,
    widget: widgets.make,
    ml: Object.freeze({ ...makeMl(services), train: makeTrain(services) }),
    table: (path: string, { table }: { readonly table?: string } = {}) => {
      const name = workspacePath(path);
      const file = { path: name, ...(table === undefined ? {} : { table: String(table) }) };
      return display({ "application/vnd.kroma.table+json": file, "text/plain": `Table of ${name}` }, { raw: true });
    },
    record: (path = "recording.wav") => {
      const name = workspacePath(path);
      const text = `Recorder for ${name}: it records where the notebook is open in a page`;
      return display({ "application/vnd.kroma.recorder+json": { path: name }, "text/plain": text }, { raw: true });
    },
    plot: (table: unknown, options: PlotOptions) => {
      const chart = chartOf(typeof table === "string" ? values.get(table, []) : table, options);
      const said = options.y === undefined ? options.x : `${options.x} and ${options.y}`;
      return display({ "application/vnd.vegalite.v6+json": chart, "text/plain": `Chart of ${said}` }, { raw: true });
    },
  });
  const resolver = new Resolver({
    assets: init.assets,
    settings: init.settings,
    fetch: host.fetch,
    files: () => (init.workspace ? connect() : undefined),
    onDependency: (dependency) => output.send({ type: "dependency", parent: owner.current, ...dependency }),
    kroma: () => module,
    needDocument,
    onNative: (name, namespace) => values.learn(name, namespace),
    compile: (expression, name) => names.evaluate(expression, name, []),
    onText: (id, text) => sources.add(id, { label: id, source: text }, text),
  });
  const modules = new Modules(resolver);
  const cancel = (request: string) => {
    work.cancel(request);
    api.cancel(request);
    services.cancel(request);
  };
  const interpreter = new Interpreter({ names, modules, sources, output, owner, needDocument, cancel });

  const given = { display, clear, html, svg, md, h, Fragment };
  const module = Object.freeze({ ...api.kroma, ...given, default: api.kroma });
  for (const [name, value] of Object.entries({ ...given, ...api.dialogs, kroma: api.kroma })) names.offer(name, value);
  names.offer(
    "console",
    makeConsole((name, text) => output.write(name, text, owner.current), host.now),
  );

  watchFailures((error) => {
    // Node reports a failed connection a second time, after fetch has told it to whoever asked.
    if (error instanceof Error && "syscall" in error) return;
    const parent = interpreter.ownerOf(error);
    const { traceback } = sources.report(error);
    output.write("stderr", `Uncaught (in background): ${traceback.join("\n")}\n`, parent);
  });
  hideNode();
  post({ type: "status", status: "idle" });
  return (message) => {
    switch (message.type) {
      case "execute_request":
        void interpreter.execute(message);
        return;
      case "interrupt_request":
        interpreter.interrupt();
        return;
      case "input_reply":
        api.inputReply(message.parent, message.value);
        return;
      case "kernel_reply":
        api.kernelReply(message);
        return;
      case "service_reply":
      case "service_progress":
        services.take(message);
        return;
      case "complete_request":
        output.send(complete(message, names));
        return;
      case "inspect_request":
        output.send(inspectAt(message, names));
        return;
      case "comm_open":
      case "comm_msg":
      case "comm_close":
        widgets.receive(message);
        return;
    }
  };
}
