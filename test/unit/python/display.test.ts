/** MIME bundles, display handles, IPython.display, comms and widgets. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FromKernel } from "#core/kernel/messages.ts";
import { type Cells, startPython } from "./harness.ts";

let python: Cells;
beforeAll(async () => {
  python = await startPython();
}, 60_000);
afterAll(() => python.close());

type Shown = Extract<FromKernel, { type: "display_data" | "update_display_data" | "execute_result" }>;
async function shown(code: string): Promise<Shown[]> {
  const { messages, error } = await python.run(code);
  if (error) throw new Error(error.traceback.join("\n"));
  return messages.filter((m): m is Shown => ["display_data", "update_display_data", "execute_result"].includes(m.type));
}

test("an object is shown in all its representations, binary ones as base64", async () => {
  const [result] = await shown(
    "class Rich:\n" +
      "    def _repr_html_(self): return '<b>x</b>'\n" +
      "    def _repr_png_(self): return b'\\x89PNG\\r\\n'\n" +
      "    def _repr_json_(self): return {'a': [1, None]}\n" +
      "    def _repr_svg_(self): return '<svg/>'\n" +
      "    def _repr_markdown_(self): return '*x*', {'k': 1}\n" +
      "    def _repr_latex_(self): return None\n" +
      "    def __repr__(self): return 'Rich!'\n" +
      "Rich()",
  );
  expect(result).toMatchObject({
    type: "execute_result",
    data: {
      "text/html": "<b>x</b>",
      "image/png": "iVBORw0K",
      "application/json": { a: [1, null] },
      "image/svg+xml": "<svg/>",
      "text/plain": "Rich!",
    },
    metadata: { "text/markdown": { k: 1 } },
  });
  expect(Object.keys(result?.data ?? {})).not.toContain("text/latex");
});

test("_repr_mimebundle_ and _ipython_display_ are heard, and a failing one is told", async () => {
  const [bundle] = await shown(
    "class B:\n    def _repr_mimebundle_(self, include=None, exclude=None): return {'application/x+json': {'v': 1}}, {'m': 2}\nB()",
  );
  expect(bundle).toMatchObject({ data: { "application/x+json": { v: 1 } }, metadata: { m: 2 } });
  expect(
    (await shown("class B2:\n    def _repr_mimebundle_(self): return {'text/html': 'i'}\nB2()"))[0]?.data["text/html"],
  ).toBe("i");
  const { messages } = await python.run("class D:\n    def _ipython_display_(self): print('own')\nD()");
  expect(messages.some((m) => m.type === "stream" && m.text === "own\n")).toBe(true);
  expect(messages.some((m) => m.type === "execute_result")).toBe(false);
  const failing = await python.run("class F:\n    def _repr_html_(self): raise ValueError('no html')\nF()");
  expect(failing).toMatchObject({ status: "ok" });
  expect(failing.stderr).toContain("no html");
  expect(failing.result).toContain("<__main__.F at 0x");
});

test("classes are shown as classes, and objects that invent attributes do no harm", async () => {
  expect((await python.run("B")).result).toBe("__main__.B");
  expect((await python.run("from unittest.mock import MagicMock; MagicMock(name='m')")).status).toBe("ok");
  expect(
    (
      await python.run(
        "class Any:\n    def __getattr__(self, name): return lambda *a, **k: (_ for _ in ()).throw(RuntimeError('surprise'))\nAny()",
      )
    ).status,
  ).toBe("ok");
});

test("display shows several things, raw bundles and ids that can be updated", async () => {
  expect((await shown("display(1, 'two')")).map((m) => m.data["text/plain"])).toEqual(["1", "'two'"]);
  expect((await shown("display({'text/html': '<i>'}, raw=True)"))[0]?.data).toEqual({ "text/html": "<i>" });
  const [first, second, third] = await shown(
    "h = display('a', display_id=True)\nh.update('b')\nfrom IPython.display import update_display\nupdate_display('c', display_id=h.display_id)",
  );
  expect(first).toMatchObject({ type: "display_data", data: { "text/plain": "'a'" } });
  expect(second).toMatchObject({ type: "update_display_data", data: { "text/plain": "'b'" } });
  expect((first as { displayId?: string }).displayId).toBeTruthy();
  expect((second as { displayId?: string }).displayId).toBe((first as { displayId?: string }).displayId);
  expect((third as { displayId?: string }).displayId).toBe((first as { displayId?: string }).displayId);
  expect(
    (await python.run("from IPython.display import clear_output\nclear_output(wait=True)")).messages,
  ).toContainEqual(expect.objectContaining({ type: "clear_output", wait: true }));
});

test("IPython.display's objects make the right types", async () => {
  await python.run("from IPython.display import *");
  const data = async (code: string) => (await shown(code))[0]?.data ?? {};
  expect(await data("HTML('<p>')")).toMatchObject({ "text/html": "<p>" });
  expect(await data("Markdown('# a')")).toMatchObject({ "text/markdown": "# a" });
  expect(await data("Latex('$x$')")).toMatchObject({ "text/latex": "$x$" });
  expect((await data("Math('x^2')"))["text/latex"]).toContain("x^2");
  expect(await data("SVG('<?xml?><svg></svg>')")).toMatchObject({ "image/svg+xml": "<svg></svg>" });
  expect(await data("JSON({'a': 1})")).toMatchObject({ "application/json": { a: 1 } });
  expect(await data("Javascript('1')")).toMatchObject({ "application/javascript": "1" });
  expect((await data("IFrame('https://example.org', 300, 200)"))["text/html"]).toContain('width="300"');
  expect((await data("Code('x = 1', language='python')"))["text/markdown"]).toContain("x = 1");
  expect((await data("Audio([0, 1, -1], rate=8000)"))["text/html"]).toContain("data:audio/wav;base64,UklGR");
  expect((await data("Pretty('just so')"))["text/plain"]).toBe("just so");
  expect(await data("Image(b'\\x89PNG\\r\\n\\x1a\\n', width=5)")).toMatchObject({ "image/png": "iVBORw0KGgo=" });
  expect((await data("Image(url='https://example.org/a.png')"))["text/html"]).toContain("<img src=");
  await python.run("open('a.svg', 'w').write('<svg>f</svg>'); open('a.jpg', 'wb').write(b'\\xff\\xd8\\xff')");
  expect(await data("SVG('a.svg')")).toMatchObject({ "image/svg+xml": "<svg>f</svg>" });
  expect(await data("Image('a.jpg')")).toMatchObject({ "image/jpeg": "/9j/" });
  expect((await data("FileLink('a.svg')"))["text/html"]).toContain('href="a.svg"');
});

describe("comms", () => {
  test("a comm opens, talks both ways with buffers, and closes", async () => {
    const opened = await python.run(
      "from comm import create_comm, get_comm_manager\nheard = []\nc = create_comm(target_name='t', data={'a': 1}, buffers=[b'\\x01\\x02'])\nc.on_msg(lambda m: heard.append((m['content']['data'], [bytes(b) for b in m['buffers']])))\nc.send({'b': 2}, buffers=[b'xyz'])",
    );
    const open = opened.messages.find((m) => m.type === "comm_open");
    expect(open).toMatchObject({ target: "t", data: { a: 1 } });
    expect([...new Uint8Array(open?.buffers?.[0] ?? new ArrayBuffer())]).toEqual([1, 2]);
    const sent = opened.messages.find((m) => m.type === "comm_msg");
    expect(new TextDecoder().decode(sent?.buffers?.[0])).toBe("xyz");
    python.channel.send({
      type: "comm_msg",
      comm: open?.comm ?? "",
      data: { from: "page" },
      buffers: [new Uint8Array([7, 8]).buffer],
    });
    expect((await python.run("heard")).result).toBe("[({'from': 'page'}, [b'\\x07\\x08'])]");
    expect((await python.run("c.close()")).messages).toContainEqual(
      expect.objectContaining({ type: "comm_close", comm: open?.comm }),
    );
  });

  test("the page can open a comm with a registered target, and is told when there is none", async () => {
    await python.run(
      "got = []\nget_comm_manager().register_target('mine', lambda c, m: got.append(m['content']['data']))",
    );
    python.channel.send({ type: "comm_open", comm: "p1", target: "mine", data: { x: 1 } });
    expect((await python.run("got")).result).toBe("[{'x': 1}]");
    const closed = python.next((m) => m.type === "comm_close");
    python.channel.send({ type: "comm_open", comm: "p2", target: "nobody", data: {} });
    expect(await closed).toMatchObject({ comm: "p2" });
  });

  test("an error in a callback is told and ends nothing", async () => {
    await python.run("get_comm_manager().register_target('bad', lambda c, m: 1 / 0)");
    const told = python.next((m) => m.type === "stream" && m.name === "stderr");
    python.channel.send({ type: "comm_open", comm: "p3", target: "bad", data: {} });
    expect(JSON.stringify(await told)).toContain("ZeroDivisionError");
    expect((await python.run("1")).result).toBe("1");
  });
});

describe("widgets", () => {
  test("kroma.Widget speaks Jupyter's widget protocol", async () => {
    const { messages } = await python.run(
      "import kroma\nclass Counter(kroma.Widget):\n    _esm = 'export default {render(){}}'\n    _css = '.a{}'\n    value = kroma.synced(0)\n    items = kroma.synced([])\nw = Counter(value=3)\nw",
    );
    const open = messages.find((m) => m.type === "comm_open");
    expect(open).toMatchObject({
      target: "jupyter.widget",
      data: {
        state: {
          _esm: "export default {render(){}}",
          _css: ".a{}",
          _anywidget_id: "__main__.Counter",
          value: 3,
          items: [],
        },
        buffer_paths: [],
      },
    });
    expect(messages.find((m) => m.type === "execute_result")?.data).toMatchObject({
      "application/vnd.jupyter.widget-view+json": { model_id: open?.comm, version_major: 2, version_minor: 0 },
    });
    const changed = await python.run(
      "seen = []\nw.observe(lambda c: seen.append((c['old'], c['new'])), names='value')\nw.value = 4",
    );
    expect(changed.messages.find((m) => m.type === "comm_msg")?.data).toEqual({
      method: "update",
      state: { value: 4 },
      buffer_paths: [],
    });
    python.channel.send({
      type: "comm_msg",
      comm: open?.comm ?? "",
      data: { method: "update", state: { value: 9 }, buffer_paths: [] },
    });
    const after = await python.run("w.value, seen");
    expect(after.result).toBe("(9, [(3, 4), (4, 9)])");
  });

  test("a page that missed a widget's beginning gets all of it when it asks", async () => {
    const classes = [
      "import kroma\nclass Small(kroma.Widget):\n    _esm = 'export default {}'\n    _css = 'b{}'\n    value = kroma.synced(1)\n    image = kroma.synced(b'\\x07')\nw = Small()",
      "import anywidget, traitlets\nclass Small(anywidget.AnyWidget):\n    _esm = traitlets.Unicode('export default {}').tag(sync=True)\n    _css = 'b{}'\n    value = traitlets.Int(1).tag(sync=True)\n    image = traitlets.Bytes(b'\\x07').tag(sync=True)\n    secret = traitlets.Int(9)\nw = Small()",
    ];
    for (const code of classes) {
      expect((await python.run(`${code}\nw.value = 2`)).error).toBeUndefined();
      const comm = (await python.run("w.model_id")).result?.replaceAll("'", "") ?? "";
      const answered = python.next((m) => m.type === "comm_msg" && m.comm === comm);
      python.channel.send({ type: "comm_msg", comm, data: { method: "request_state" } });
      const answer = (await answered) as Extract<Awaited<typeof answered>, { type: "comm_msg" }>;
      expect(answer.data).toMatchObject({
        method: "update",
        state: { _esm: "export default {}", _css: "b{}", _anywidget_id: "__main__.Small", value: 2 },
        buffer_paths: [["image"]],
      });
      expect(JSON.stringify(answer.data)).not.toContain("secret");
      expect([...new Uint8Array(answer.buffers?.[0] ?? new ArrayBuffer())]).toEqual([7]);
    }
  });

  test("an unknown comm is not answered, and a changed module is sent as it is now", async () => {
    const { messages } = await python.run(
      "import anywidget, traitlets\nopen('view.js', 'w').write('export default {one: 1}')\nclass Filed(anywidget.AnyWidget):\n    _esm = traitlets.Unicode('view.js').tag(sync=True)\nf = Filed()",
    );
    expect(messages.find((m) => m.type === "comm_open")?.data).toMatchObject({
      state: { _esm: "export default {one: 1}" },
    });
    python.channel.send({ type: "comm_msg", comm: "nobody", data: { method: "request_state" } });
    const changed = await python.run("f._esm = 'export default {two: 2}'");
    expect(changed.messages.filter((m) => m.type === "comm_msg").map((m) => m.data)).toEqual([
      { method: "update", state: { _esm: "export default {two: 2}" }, buffer_paths: [] },
    ]);
  });

  test("anywidget and traitlets classes work without the packages", async () => {
    const { messages, error } = await python.run(
      "import anywidget, traitlets\nclass Slider(anywidget.AnyWidget):\n    _esm = 'export default {}'\n    value = traitlets.Int(1).tag(sync=True)\n    label = traitlets.Unicode('s')\n    data = traitlets.Bytes(b'\\x05').tag(sync=True)\n    @traitlets.observe('value')\n    def _changed(self, change): self.label = f'v{change.new}'\n    @traitlets.validate('value')\n    def _valid(self, proposal): return min(10, proposal['value'])\ns = Slider()\ns.value = 50\ns.value, s.label",
    );
    expect(error).toBeUndefined();
    const open = messages.find((m) => m.type === "comm_open");
    expect(open?.data).toMatchObject({ state: { value: 1 }, buffer_paths: [["data"]] });
    expect(JSON.stringify(open?.data)).not.toContain("label");
    expect(messages.find((m) => m.type === "execute_result")?.data["text/plain"]).toBe("(10, 'v10')");
    expect((await python.run("s.value = 'x'")).error?.ename).toBe("TraitError");
    python.channel.send({ type: "comm_msg", comm: open?.comm ?? "", data: { method: "custom", content: { hi: 1 } } });
    await python.run("custom = []\ns.on_msg(lambda w, content, buffers: custom.append(content))");
    python.channel.send({ type: "comm_msg", comm: open?.comm ?? "", data: { method: "custom", content: { hi: 2 } } });
    expect((await python.run("custom")).result).toBe("[{'hi': 2}]");
  });
});
