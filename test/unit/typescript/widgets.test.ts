/** Widgets of TypeScript cells, heard from the page's end: Jupyter's widget protocol over comms. In a thread of Node. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CommClose, CommMessage, CommOpen, FromKernel } from "#core/kernel/messages.ts";
import { WidgetStore } from "#plugins/widgets/store.ts";
import { type InNode, startInNode } from "./in-node.ts";
import type { RunResult } from "./kernel-driver.ts";

type Comm = CommOpen | CommMessage | CommClose;

const VIEW = "application/vnd.jupyter.widget-view+json";
let node: InNode;
beforeAll(async () => {
  node = await startInNode();
});
afterAll(() => node.close());

const isComm = (message: FromKernel): message is Comm => message.type.startsWith("comm_");
const commsOf = (run: RunResult): readonly Comm[] => run.messages.filter(isComm);
/** Runs code that makes a widget; its id. */
async function make(code: string): Promise<{ readonly id: string; readonly run: RunResult }> {
  const run = await node.kernel.run(code);
  const open = commsOf(run)[0];
  if (!open) throw new Error(run.error ? `${run.error.ename}: ${run.error.evalue}` : "No widget was opened");
  return { id: open.comm, run };
}
/** What the page says. */
const say = (id: string, data: object, buffers: readonly ArrayBuffer[] = []) =>
  node.kernel.send({ type: "comm_msg", comm: id, data, buffers });
/** The next that this widget says. */
const next = (id: string) =>
  node.kernel.next((message) => isComm(message) && message.comm === id) as Promise<CommMessage>;
const bytes = (message: Comm | undefined) =>
  message?.type === "comm_close" ? [] : (message?.buffers ?? []).map((buffer) => [...new Uint8Array(buffer)]);

describe("a widget", () => {
  test("is opened with its module and state, then shown as a view with text beside it", async () => {
    const { id, run } = await make(
      "kroma.widget({ esm: 'export default {}', css: 'b{}', state: { count: 3, list: [1, { deep: true }] } })",
    );
    expect(commsOf(run)).toEqual([
      expect.objectContaining({
        type: "comm_open",
        target: "jupyter.widget",
        data: {
          state: expect.objectContaining({
            _esm: "export default {}",
            _css: "b{}",
            _anywidget_id: expect.any(String),
            count: 3,
            list: [1, { deep: true }],
          }),
          buffer_paths: [],
        },
      }),
    ]);
    expect(run.result).toEqual({
      [VIEW]: { model_id: id, version_major: 2, version_minor: 0 },
      "text/plain": "Widget { count: 3, list: [ 1, { deep: true } ] }",
    });
    const order = run.messages.map(({ type }) => type);
    expect(order.indexOf("comm_open")).toBeLessThan(order.indexOf("execute_result"));
  });

  test("hears the page's changes, and does not say them back", async () => {
    const { id } = await make(
      "const heard = kroma.widget({ esm: 'x', state: { count: 0 } }); const news = []; heard.on('change:count', (w, value) => news.push([w === heard, value])).on('change', (w) => news.push(w.get('count')))",
    );
    say(id, { method: "update", state: { count: 7 }, buffer_paths: [] });
    const after = await node.kernel.run("[heard.get('count'), news]");
    expect(after.result?.["text/plain"]).toBe("[ 7, [ [ true, 7 ], 7 ] ]");
    expect(node.kernel.all.filter((m) => m.type === "comm_msg" && m.comm === id)).toEqual([]);
  });

  test("sends what cells set, together, and a listener's correction of the page", async () => {
    const { id } = await make("const w = kroma.widget({ esm: 'x', state: { a: 1, b: 1, c: 1 } })");
    const set = await node.kernel.run("w.set('a', 2); w.set({ b: 3 }); w.set('a', 4)");
    expect(commsOf(set).map((m) => m.type === "comm_msg" && m.data)).toEqual([
      { method: "update", state: { a: 4, b: 3 }, buffer_paths: [] },
    ]);
    const saved = await node.kernel.run("w.set('a', 5).save(); w.set('a', 6).save()");
    expect(commsOf(saved).map((m) => m.type === "comm_msg" && m.data)).toMatchObject([
      { state: { a: 5 } },
      { state: { a: 6 } },
    ]);
    await node.kernel.run("w.on('change:c', (_w, value) => w.set('c', Math.min(value, 10)))");
    const corrected = next(id);
    say(id, { method: "update", state: { c: 99 } });
    expect((await corrected).data).toMatchObject({ method: "update", state: { c: 10 } });
  });

  test("carries bytes wherever they are, both ways", async () => {
    const { id, run } = await make(
      "const shared = new Uint8Array([9, 1, 2, 9]); const b = kroma.widget({ esm: 'x', state: { image: { data: shared.subarray(1, 3) }, list: ['a', new Uint16Array([258]), null] } })",
    );
    expect(commsOf(run)[0]).toMatchObject({
      data: {
        state: { image: {}, list: ["a", null, null] },
        buffer_paths: [
          ["image", "data"],
          ["list", 1],
        ],
      },
    });
    expect(bytes(commsOf(run)[0])).toEqual([
      [1, 2],
      [2, 1],
    ]);
    expect((await node.kernel.run("shared.length")).result?.["text/plain"]).toBe("4");
    say(
      id,
      {
        method: "update",
        state: { image: { kind: "raw" } },
        buffer_paths: [
          ["image", "data"],
          ["no", "where"],
        ],
      },
      [new Uint8Array([5, 6]).buffer, new ArrayBuffer(1)],
    );
    const { result } = await node.kernel.run(
      "const { data, kind } = b.get('image'); [kind, data instanceof DataView, data.getUint8(1)]",
    );
    expect(result?.["text/plain"]).toBe("[ 'raw', true, 6 ]");
  });

  test("exchanges messages of its own", async () => {
    const { id } = await make(
      "const m = kroma.widget({ esm: 'x' }); m.on('msg:custom', (content, buffers) => m.send({ echo: content }, buffers))",
    );
    const answered = next(id);
    say(id, { method: "custom", content: { hi: 1 } }, [new Uint8Array([8]).buffer]);
    const answer = await answered;
    expect(answer.data).toEqual({ method: "custom", content: { echo: { hi: 1 } } });
    expect(bytes(answer)).toEqual([[8]]);
  });

  test("says its whole state when asked", async () => {
    const { id } = await make(
      "const s = kroma.widget({ esm: 'export {}', css: 'i{}', state: { n: 1 } }); s.set('n', 2)",
    );
    const answered = next(id);
    say(id, { method: "request_state" });
    expect((await answered).data).toMatchObject({
      method: "update",
      state: { _esm: "export {}", _css: "i{}", _anywidget_id: expect.any(String), n: 2 },
    });
  });

  test("prints below the cell that listens, and a failing listener ends nothing", async () => {
    const begun = node.kernel.begin(
      "const loud = kroma.widget({ esm: 'x', state: { n: 0 } }); loud.on('change:n', (_w, n) => { console.log('n is', n); null.x }); loud",
    );
    const run = await begun.over;
    await node.kernel.run("'another cell'");
    const told = node.kernel.next((m) => m.type === "stream" && m.name === "stderr");
    const printed = node.kernel.next((m) => m.type === "stream" && m.name === "stdout");
    say(commsOf(run)[0]!.comm, { method: "update", state: { n: 1 } });
    expect(await printed).toMatchObject({ parent: begun.id, text: "n is 1\n" });
    expect(await told).toMatchObject({ parent: begun.id, text: expect.stringContaining("TypeError") });
    expect((await node.kernel.run("loud.off('change:n'); loud.get('n')")).result?.["text/plain"]).toBe("1");
    const silent = node.kernel.all.length;
    say(commsOf(run)[0]!.comm, { method: "update", state: { n: 2 } });
    await node.kernel.run("1");
    expect(node.kernel.all.slice(silent).filter(({ type }) => type === "stream")).toEqual([]);
  });

  test("reads its module from a file, and names a widget in its state", async () => {
    const { run } = await make(
      "kroma.files.write('view.js', 'export default 1;'); const child = kroma.widget({ esm: 'view.js' }); const parent = kroma.widget({ esm: './view.js', state: { children: [child] } })",
    );
    const [child, parent] = commsOf(run);
    expect(child).toMatchObject({ data: { state: { _esm: "export default 1;" } } });
    expect(parent).toMatchObject({ data: { state: { children: [`IPY_MODEL_${child?.comm}`] } } });
  });

  test("closes from both ends", async () => {
    const { id } = await make("const c = kroma.widget({ esm: 'x', state: { n: 0 } })");
    expect(commsOf(await node.kernel.run("c.close(); c.set('n', 1); c.close()"))).toMatchObject([
      { type: "comm_close", comm: id },
    ]);
    const other = await make("const d = kroma.widget({ esm: 'x', state: { n: 0 } })");
    node.kernel.send({ type: "comm_close", comm: other.id });
    expect(commsOf(await node.kernel.run("d.set('n', 1)"))).toEqual([]);
  });

  test("refuses in words what cannot be shared", async () => {
    const refused = async (code: string) => (await node.kernel.run(code)).error?.evalue;
    expect(await refused("kroma.widget({})")).toContain("needs `esm`");
    expect(await refused("kroma.widget({ esm: 'x', state: { a: { f() {} } } })")).toBe(
      "a.f cannot be shared with a widget: it is a function",
    );
    expect(await refused("kroma.widget({ esm: 'x', state: { m: new Map() } })")).toContain("m cannot be shared");
    expect(await refused("const ring = []; ring.push(ring); kroma.widget({ esm: 'x', state: { ring } })")).toContain(
      "part of itself",
    );
    expect(await refused("kroma.widget({ esm: 'gone.js' })")).toContain("gone.js");
  });
});

test("comms that the page opens are closed again, as nobody here takes them", async () => {
  const closed = node.kernel.next((m) => m.type === "comm_close" && m.comm === "from-page");
  node.kernel.send({ type: "comm_open", comm: "from-page", target: "anything", data: {} });
  expect(await closed).toMatchObject({ type: "comm_close" });
  expect((await node.kernel.run("1 + 1")).result?.["text/plain"]).toBe("2");
});

test("the page's store and the kernel keep one state", async () => {
  const store = new WidgetStore({
    send: (message) => node.kernel.send(message),
    receive: (listener) => node.kernel.listen((message) => isComm(message) && listener(message)),
    close: () => undefined,
    onClose: () => () => undefined,
  });
  const { id } = await make("const both = kroma.widget({ esm: 'x', state: { n: 1, raw: new Uint8Array([4]) } })");
  expect(store.get(id)?.state).toMatchObject({ n: 1, raw: expect.any(DataView) });
  store.change(id, { n: 2, raw: new Uint8Array([5, 6]) }, undefined);
  const { result } = await node.kernel.run("both.set('n', both.get('n') + 40); both.get('raw').byteLength");
  expect(result?.["text/plain"]).toBe("2");
  expect(store.get(id)?.state["n"]).toBe(42);
  store.close();
});

test("widgets are gone with a worker that had to be ended", async () => {
  const alone = await startInNode();
  try {
    const made = await alone.kernel.run("kroma.widget({ esm: 'x' })");
    const closed = alone.kernel.next((m) => m.type === "comm_close");
    const { id, over } = alone.kernel.begin("for (;;);");
    await alone.kernel.next((m) => m.type === "status" && m.status === "busy" && m.parent === id, 0);
    alone.kernel.send({ type: "interrupt_request", id: "stop" });
    await over;
    expect(await closed).toMatchObject({ comm: commsOf(made)[0]?.comm });
  } finally {
    await alone.close();
  }
});
