/** Printed text of any length. */
import "#kit/tokens.css";
import "#kit/themes/light.css";
import { afterEach, expect, test } from "vitest";
import { draw, until, type Drawn } from "./draw.ts";

const drawn: Drawn[] = [];
afterEach(() => {
  for (const output of drawn.splice(0)) output.remove();
});
const print = async (text: string, name = "stdout") => {
  const output = await draw({ "application/vnd.kroma.stream": { name, text } });
  drawn.push(output);
  return output;
};
const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
const box = (output: Drawn) => output.element.querySelector<HTMLElement>(".kroma-lines-box")!;
const shown = (output: Drawn) => output.element.querySelector(".kroma-lines-text")!.textContent;
const nodes = (root: Node) => {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ALL);
  let count = 0;
  while (walker.nextNode()) count += 1;
  return count;
};
const button = (output: Drawn, name: string) =>
  [...output.element.querySelectorAll("button")].find((one) => one.textContent === name)!;

test("100,000 lines arriving over many frames are followed to the end with few nodes and short frames", async () => {
  const output = await print("");
  let text = "";
  const frames: number[] = [];
  const start = performance.now();
  let last = start;
  let thousand = 0;
  for (let line = 0; line < 100_000;) {
    for (let end = line + 1000; line < end; line += 1)
      text += `line ${line} of a hundred thousand, value ${line * 1.5}\n`;
    output.update({ name: "stdout", text });
    await nextFrame();
    const now = performance.now();
    frames.push(now - last);
    last = now;
    if (line === 1000) {
      await until(() => shown(output).includes("line 999 "));
      thousand = performance.now() - start;
    }
  }
  await until(() => shown(output).includes("line 99999 "));
  const total = performance.now() - start;
  frames.sort((a, b) => a - b);
  const count = nodes(output.element);
  console.log(
    `1,000 lines ${thousand.toFixed(0)} ms; 100,000 lines ${total.toFixed(0)} ms; frame median ${frames[frames.length >> 1]!.toFixed(1)} ms, worst ${frames.at(-1)!.toFixed(1)} ms; ${count} nodes`,
  );
  expect(count).toBeLessThanOrEqual(100);
  expect(box(output).clientHeight).toBe(24 * 20);
  expect(output.element.textContent).toContain("100,000 lines");
});

test("coloured lines, all of them, keep the number of nodes small too", async () => {
  const output = await print(
    Array.from({ length: 20_000 }, (_none, index) => `\u001b[3${index % 8}m${index}\u001b[0m done\n`).join(""),
  );
  expect(shown(output)).toContain("19999 done");
  expect(nodes(output.element)).toBeLessThanOrEqual(160);
});

test("a reader who has scrolled up is left there while it grows, and one at the end follows", async () => {
  let text = Array.from({ length: 500 }, (_none, index) => `row ${index}\n`).join("");
  const output = await print(text);
  const scroller = box(output);
  await until(() => shown(output).includes("row 499"));
  scroller.scrollTop = 1000;
  await until(() => shown(output).includes("row 55\n"));
  text += "more\n".repeat(300);
  output.update({ name: "stdout", text });
  await until(() => output.element.textContent.includes("800 lines"));
  expect(scroller.scrollTop).toBe(1000);
  scroller.scrollTop = scroller.scrollHeight;
  await nextFrame();
  await nextFrame();
  output.update({ name: "stdout", text: `${text}the end\n` });
  await until(() => shown(output).includes("the end"));
});

test("every row can be reached by scrolling, and is where it belongs", async () => {
  const output = await print(Array.from({ length: 3000 }, (_none, index) => `row ${index}\n`).join(""));
  const scroller = box(output);
  for (const row of [0, 7, 1499, 2990, 123]) {
    scroller.scrollTop = row * 20;
    await until(() => shown(output).split("\n").includes(`row ${row}`));
    const block = output.element.querySelector(".kroma-lines-text")!;
    const first = Number(/row (\d+)/.exec(block.textContent)![1]);
    const offset = block.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;
    expect(Math.abs(offset - first * 20)).toBeLessThan(1);
  }
});

test("text that was replaced by other text is read anew, and a progress bar stays one line", async () => {
  const output = await print("first\nsecond\n");
  output.update({ name: "stdout", text: "other\n" });
  await until(() => shown(output) === "other");
  output.update({ name: "stdout", text: "other\n 10%\r 20%\r100% \u001b[32mok\u001b[0m" });
  await until(() => shown(output) === "other\n100% ok");
  expect(output.element.querySelector(".kroma-lines-text span")!.textContent).toBe("ok");
});

test("show all makes the box grow and keeps the page's nodes few", async () => {
  const output = await print(Array.from({ length: 1500 }, (_none, index) => `row ${index}\n`).join(""));
  button(output, "Show all").click();
  await until(() => box(output).clientHeight === 1500 * 20);
  expect(nodes(output.element)).toBeLessThanOrEqual(100);
  window.scrollTo(0, 700 * 20);
  await until(() => shown(output).includes("row 705\n"));
  button(output, "Show less").click();
  await until(() => box(output).clientHeight === 480);
  window.scrollTo(0, 0);
});

test("save to file gives all the text without escapes", async () => {
  const output = await print(`\u001b[31mred\u001b[0m\n${"x\n".repeat(100)}`);
  let saved: Blob | undefined;
  const make = URL.createObjectURL;
  URL.createObjectURL = (blob: Blob) => {
    saved = blob;
    return make.call(URL, blob);
  };
  const stop = (event: Event) => event.preventDefault();
  const click = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = function () {
    this.addEventListener("click", stop);
    click.call(this);
  };
  try {
    button(output, "Save to file").click();
  } finally {
    URL.createObjectURL = make;
    HTMLAnchorElement.prototype.click = click;
  }
  expect(await saved?.text()).toBe(`red\n${"x\n".repeat(100)}`);
});

test("addresses become links that open apart, nothing else does", async () => {
  const output = await print("see https://example.org/a?b=1). or http://x.example, not ftp://y.example\n");
  const links = [...output.element.querySelectorAll("a")];
  expect(links.map((link) => [link.getAttribute("href"), link.target, link.rel])).toEqual([
    ["https://example.org/a?b=1", "_blank", "noopener noreferrer"],
    ["http://x.example/", "_blank", "noopener noreferrer"],
  ]);
});

test("a selection survives the repaint that scrolling brings", async () => {
  const output = await print(Array.from({ length: 300 }, (_none, index) => `row ${index}\n`).join(""));
  const scroller = box(output);
  scroller.scrollTop = 2000;
  await until(() => shown(output).includes("row 110\n"));
  const block = output.element.querySelector(".kroma-lines-text")!;
  const node = block.firstChild!;
  const at = node.nodeValue!.indexOf("row 105");
  document.getSelection()!.setBaseAndExtent(node, at, node, at + "row 105\nrow 106".length);
  scroller.scrollTop = 2060;
  await until(() => shown(output).includes("row 130\n"));
  expect(document.getSelection()!.toString()).toBe("row 105\nrow 106");
});
