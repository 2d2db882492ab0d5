/** Widgets over the real protocol, with the kernel's end of the channel played by the test: Jupyter's own messages. */
import { channelPair, type Channel } from "#core/base/channel.ts";
import type { CommTraffic } from "#kit/renderers.ts";
import { WidgetStore } from "#plugins/widgets/store.ts";
import { afterEach, expect, test } from "vitest";
import { page } from "vitest/browser";
import { draw, until, type Drawn } from "./draw.ts";

const drawn: Drawn[] = [];
afterEach(() => {
  for (const output of drawn.splice(0)) output.remove();
});

const VIEW = "application/vnd.jupyter.widget-view+json";
const COUNTER = `
export default {
  initialize({ model }) { model.set("initialized", true); },
  render({ model, el }) {
    const button = document.createElement("button");
    const label = () => { button.textContent = "count is " + model.get("count"); };
    button.addEventListener("click", () => { model.set("count", model.get("count") + 1); model.save_changes(); });
    model.on("change:count", label);
    label();
    el.append(button);
    return () => model.send({ bye: model.get("count") });
  },
};`;

/** The kernel's end: keeps what it hears. */
function kernel() {
  const [ours, theirs] = channelPair<CommTraffic, CommTraffic>();
  const heard: CommTraffic[] = [];
  theirs.receive((message) => heard.push(message));
  return { comms: ours as Channel<CommTraffic, CommTraffic>, heard, send: theirs.send };
}
const open = (comm: string, state: Record<string, unknown>, more: object = {}): CommTraffic => ({
  type: "comm_open",
  comm,
  target: "jupyter.widget",
  data: { state: { _model_module: "anywidget", ...state }, buffer_paths: [] },
  ...more,
});
const show = async (comms: Channel<CommTraffic, CommTraffic> | undefined, id: string) => {
  const output = await draw({ [VIEW]: { model_id: id }, "text/plain": "Counter" }, comms ? { comms } : {});
  drawn.push(output);
  return output;
};
const inside = (output: Drawn) => page.frameLocator(page.elementLocator(output.element.querySelector("iframe")!));

const firstBuffer = (message: CommTraffic | undefined) =>
  (message?.type === "comm_msg" ? message.buffers?.[0] : undefined) ?? new ArrayBuffer(0);

/** Waits until the words are to be seen in the frame, from outside the page as a reader's pointer would. */
const sees = (output: Drawn, words: string) => inside(output).getByText(words, { exact: true }).hover();

test("a click in a widget reaches the kernel, and what the kernel says reaches the widget and its second view", async () => {
  const { comms, heard, send } = kernel();
  const store = new WidgetStore(comms);
  send(open("w1", { _esm: COUNTER, count: 3 }));
  await until(() => store.get("w1"));
  const first = await show(store, "w1");
  const second = await show(store, "w1");
  await inside(first).getByRole("button", { name: "count is 3" }).click();
  await until(() => heard.length > 0);
  expect(heard[0]).toMatchObject({
    type: "comm_msg",
    comm: "w1",
    data: { method: "update", state: { count: 4, initialized: true }, buffer_paths: [] },
  });
  await sees(second, "count is 4");
  send({ type: "comm_msg", comm: "w1", data: { method: "update", state: { count: 40 }, buffer_paths: [] } });
  await sees(first, "count is 40");
  await sees(second, "count is 40");
  // Drawn again after it was scrolled away: the model still knows.
  drawn.splice(drawn.indexOf(first), 1);
  first.remove();
  const third = await show(store, "w1");
  await sees(third, "count is 40");
});

test("bytes travel both ways, and messages of the widget's own too", async () => {
  const { comms, heard, send } = kernel();
  const store = new WidgetStore(comms);
  const esm = `export function render({ model, el }) {
    const view = model.get("image").data;
    el.textContent = [view instanceof DataView, view.getUint8(1)].join();
    model.on("msg:custom", (content, buffers) => model.send({ echo: content.word, got: buffers[0].getUint8(0) }, undefined, [new Uint8Array([7, 8])]));
    model.set("back", { bytes: new Uint8Array([1, 2, 3]) }); model.save_changes();
  }`;
  send({
    type: "comm_open",
    comm: "w2",
    target: "jupyter.widget",
    data: { state: { _esm: esm, image: { name: "x" } }, buffer_paths: [["image", "data"]] },
    buffers: [new Uint8Array([5, 6]).buffer],
  });
  await until(() => store.get("w2"));
  const output = await show(store, "w2");
  await sees(output, "true,6");
  await until(() => heard.length === 1);
  expect(heard[0]).toMatchObject({
    data: { method: "update", state: { back: {} }, buffer_paths: [["back", "bytes"]] },
  });
  expect([...new Uint8Array(firstBuffer(heard[0]))]).toEqual([1, 2, 3]);
  send({
    type: "comm_msg",
    comm: "w2",
    data: { method: "custom", content: { word: "hi" } },
    buffers: [new Uint8Array([9]).buffer],
  });
  await until(() => heard.length === 2);
  expect(heard[1]).toMatchObject({
    type: "comm_msg",
    comm: "w2",
    data: { method: "custom", content: { echo: "hi", got: 9 } },
  });
  expect([...new Uint8Array(firstBuffer(heard[1]))]).toEqual([7, 8]);
});

test("a view over a plain channel asks the kernel for the state", async () => {
  const { comms, heard, send } = kernel();
  const showing = show(comms, "w3");
  await until(() => heard.length === 1);
  expect(heard[0]).toMatchObject({ type: "comm_msg", comm: "w3", data: { method: "request_state" } });
  send({
    type: "comm_msg",
    comm: "w3",
    data: { method: "update", state: { _esm: COUNTER, count: 1 }, buffer_paths: [] },
  });
  await sees(await showing, "count is 1");
});

test("a widget reaches its children by id, calls its kernel by invoke, and is drawn anew with new code", async () => {
  const { comms, heard, send } = kernel();
  const store = new WidgetStore(comms);
  const esm = (word: string) => `export default async () => ({ async render({ model, el, experimental }) {
    const child = await model.widget_manager.get_model(model.get("child"));
    const [answer] = await experimental.invoke("add", [1, 2]);
    el.textContent = "${word} " + child.get("name") + " " + answer;
  } });`;
  send(open("child", { name: "Ada" }));
  send(open("parent", { _esm: esm("old"), child: "IPY_MODEL_child", _css: "body { letter-spacing: 3px }" }));
  await until(() => store.get("parent"));
  const answer = () => {
    const call = heard.findLast((message) => message.type === "comm_msg")!;
    const { content } = (call as { data: { content: { id: string; kind: string; name: string; msg: number[] } } }).data;
    expect([content.kind, content.name, content.msg]).toEqual(["anywidget-command", "add", [1, 2]]);
    send({
      type: "comm_msg",
      comm: "parent",
      data: { method: "custom", content: { id: content.id, kind: "anywidget-command-response", response: 3 } },
    });
  };
  const output = await show(store, "parent");
  await until(() => heard.length === 1);
  answer();
  await sees(output, "old Ada 3");
  send({ type: "comm_msg", comm: "parent", data: { method: "update", state: { _esm: esm("new") }, buffer_paths: [] } });
  await until(() => heard.length === 2);
  answer();
  await sees(output, "new Ada 3");
});

test("a widget's frame has no way to the page or to models it was not given", async () => {
  const { comms, heard, send } = kernel();
  const store = new WidgetStore(comms);
  const esm = `export function render({ model, el }) {
    let reach = "refused"; try { reach = parent.document.title } catch {}
    kroma.send({ type: "change", model: "secret", state: { stolen: true } });
    kroma.send({ type: "custom", model: "secret", content: "x", buffers: [] });
    kroma.send("nonsense"); kroma.send({ type: "change", model: "w4", state: 5 });
    model.set("done", true); model.save_changes();
    el.textContent = reach;
  }`;
  send(open("secret", { value: 1 }));
  send(open("w4", { _esm: esm }));
  await until(() => store.get("w4"));
  const output = await show(store, "w4");
  await sees(output, "refused");
  await until(() => heard.length > 0);
  expect(heard.map((message) => message.comm)).toEqual(["w4"]);
  expect(store.get("secret")!.state).not.toHaveProperty("stolen");
});

test("what goes wrong is said: a throwing widget, one without a module, one without a kernel", async () => {
  const { comms, send } = kernel();
  const store = new WidgetStore(comms);
  send(open("bad", { _esm: "export function render() { throw new TypeError('no luck') }" }));
  send(open("slider", { _model_name: "IntSliderModel", value: 3 }));
  await until(() => store.get("slider"));
  const bad = await show(store, "bad");
  await until(() => bad.element.textContent.includes("TypeError: no luck"));
  const slider = await show(store, "slider");
  expect(slider.element.textContent).toContain("IntSliderModel");
  const none = await show(undefined, "gone");
  expect(none.element.textContent).toContain("run the cell again");
  expect(none.element.textContent).toContain("Counter");
});
