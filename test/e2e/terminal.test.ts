/** Terminals in the built app, on the real Linux: typing, programs that fill the screen, endings, hostile output, axe. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright";
import { describe, expect, it } from "vitest";
import { Visit } from "./visit.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const visit = new Visit("terminal");

async function newNotebook(): Promise<Page> {
  const page = await visit.open();
  await page.getByRole("button", { name: "New notebook" }).click();
  await page.locator("[data-cell]").waitFor();
  return page;
}

/** The lines of the terminal in front, as they stand on the screen. */
const screen = (page: Page): Promise<string> =>
  page.locator("[role=tabpanel]:not([hidden]) .xterm-rows > div").evaluateAll((rows) =>
    rows
      .map((row) => (row.textContent ?? "").replaceAll("\u00a0", " ").trimEnd())
      .join("\n")
      .trimEnd(),
  );
const sees = (page: Page, pattern: RegExp): Promise<void> => expect.poll(() => screen(page)).toMatch(pattern);
const PROMPT = /\/workspace #$/;

/** Opens the first terminal by key, and waits for its shell. */
async function withTerminal(): Promise<Page> {
  const page = await newNotebook();
  await page.keyboard.press("Control+Backquote");
  await sees(page, PROMPT);
  return page;
}
const focused = (page: Page): Promise<string> =>
  page.evaluate("document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? ''");

describe("a terminal", () => {
  it("opens by key, takes what was typed before it was there, and shares files with the cells", async () => {
    const page = await newNotebook();
    await page.keyboard.press("Control+Backquote");
    await page.keyboard.type("echo typed$((40 + 2)) > early.txt\r");
    await sees(page, PROMPT);
    await page.keyboard.type("cat early.txt\r");
    await sees(page, /\ntyped42\n/);
    await page.keyboard.press("Control+Shift+ArrowUp");
    await expect.poll(() => page.evaluate("document.activeElement.closest('[data-cell]') !== null")).toBe(true);
    await page.keyboard.type("print(open('early.txt').read().upper())");
    await page.keyboard.press("Control+Enter");
    await page.locator("[data-output]").filter({ hasText: "TYPED42" }).waitFor();
  });

  it("runs programs that fill the screen, follows the panel's size, and stops them with Ctrl-C", async () => {
    const page = await withTerminal();
    await page.keyboard.type("seq 300 > n.txt; vi n.txt\r");
    await sees(page, /^1\n2\n3\n[^]*n\.txt/);
    await page.keyboard.type(":2\r");
    await page.keyboard.type("iHello ");
    await sees(page, /^1\nHello 2\n[^]*-- INSERT --/);
    await page.keyboard.press("Escape");
    await sees(page, /^1\nHello 2\n(?![^]*-- INSERT --)/);
    await page.keyboard.type(":wq\r");
    await sees(page, PROMPT);
    await page.keyboard.type("clear; less n.txt\r");
    await sees(page, /^1\nHello 2\n/);
    await page.keyboard.type("q");
    await sees(page, PROMPT);
    await page.keyboard.type("clear; stty size\r");
    await sees(page, /^\d+ \d+$/m);
    const rows = Number(/^(\d+) \d+$/m.exec(await screen(page))?.[1]);
    await page.getByRole("separator", { name: "Height of the terminal panel" }).press("ArrowUp");
    await page.getByRole("textbox", { name: /^Terminal 1/ }).focus();
    await expect
      .poll(async () => {
        await page.keyboard.type("clear; stty size\r");
        await sees(page, /^\d+ \d+\n/m);
        return Number(/^(\d+) \d+$/m.exec(await screen(page))?.[1]);
      })
      .toBeGreaterThan(rows);
    await page.keyboard.type("yes\r");
    await sees(page, /\ny\ny\ny\n/);
    // The page answers while the program writes without end.
    await page.getByRole("button", { name: "Files" }).click();
    await page.getByRole("complementary", { name: "Files" }).waitFor();
    await page.getByRole("textbox", { name: /^Terminal 1/ }).focus();
    await page.keyboard.press("Control+c");
    await sees(page, /\^C[^]*\/workspace #$/);
  });

  it("asks before it ends a program, says how it ended, and starts again", async () => {
    const page = await withTerminal();
    await page.keyboard.press("Control+Shift+~");
    await page.getByRole("tab", { name: /^Terminal 2/, selected: true }).waitFor();
    await sees(page, PROMPT);
    // What is typed is seen before it runs; fg names the program that it brings to the front.
    await page.keyboard.type("sleep 1000 & fg\r");
    await sees(page, /\[1\] \d+\nsleep 1000$/);
    await expect
      .poll(async () => {
        await page.getByRole("button", { name: "Close this terminal" }).click();
        return page.getByRole("dialog", { name: "Close Terminal 2?" }).innerText();
      })
      .toContain("sleep");
    await page.getByRole("button", { name: "Cancel" }).click();
    await expect.poll(() => focused(page)).toMatch(/^Terminal 2/);
    await page.keyboard.press("Control+c");
    await sees(page, PROMPT);
    await page.getByRole("button", { name: "Close this terminal" }).click();
    await expect.poll(() => page.getByRole("tab").count()).toBe(1);
    await expect.poll(() => focused(page)).toMatch(/^Terminal 1/);
    await page.keyboard.type("(exit 3)\r");
    await sees(page, /exit 3\)\n[^]*#$/);
    await page.keyboard.press("Control+d");
    await page.getByText("The shell ended with status 3.").waitFor();
    await expect.poll(() => focused(page)).toBe("Start a new shell");
    await page.keyboard.press("Enter");
    await sees(page, PROMPT);
    await page.locator("[data-kernel=shell]").getByRole("button").click();
    await page.getByRole("menuitem", { name: "Restart Linux shell" }).click();
    await page.getByText("This terminal ended. Linux shell was restarted.").waitFor();
    await page.getByRole("button", { name: "Start a new shell" }).click();
    await sees(page, PROMPT);
    await page.keyboard.press("Control+Backquote");
    await expect.poll(() => page.getByRole("region", { name: "Terminal" }).count()).toBe(0);
    await expect.poll(() => page.evaluate("document.activeElement.closest('[data-cell]') !== null")).toBe(true);
  });

  it("is not taken in by what a program writes or a page had copied", async () => {
    await visit.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: visit.url });
    const page = await withTerminal();
    await page.evaluate("navigator.clipboard.writeText('mine')");
    await page.evaluate("window.open = (...given) => { window.opened = given; }");
    const hostile = [
      String.raw`\e]52;c;c3RvbGVu\a`,
      String.raw`\e]0;evil\xe2\x80\xae title\a`,
      String.raw`\e[8;500;500t\e[21t\e[2;1t`,
      String.raw`\e]8;;javascript:alert(1)\aBAD\e]8;;\a \e]8;;https://example.org/good\aGOOD\e]8;;\a`,
    ];
    await page.keyboard.type(
      `clear; PROMPT_COMMAND= PS1='# '; printf '${hostile.join("")}\\n'; printf 'sh%s\\n' own\r`,
    );
    await sees(page, /BAD GOOD\nshown\n#$/);
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe("mine");
    await expect.poll(() => page.getByRole("tab").innerText()).toBe("Terminal 1\nevil title");
    const row = page.locator(".xterm-rows > div").filter({ hasText: "BAD GOOD" });
    const box = await row.boundingBox();
    const click = async (column: number): Promise<void> => {
      await page.mouse.move((box?.x ?? 0) + column * 8, (box?.y ?? 0) + 8);
      await page.keyboard.down("Control");
      await page.mouse.down();
      await page.mouse.up();
      await page.keyboard.up("Control");
    };
    await click(1);
    await click(6);
    await expect
      .poll(() => page.evaluate("window.opened"))
      .toEqual(["https://example.org/good", "_blank", "noopener,noreferrer"]);
    // What is pasted may not end the bracket it comes in, and several lines at a bare prompt are asked about.
    const paste = (text: string): Promise<unknown> =>
      page.evaluate(
        `{ const data = new DataTransfer(); data.setData("text/plain", ${JSON.stringify(text)});
           document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })); }`,
      );
    await paste("echo one\u001b[201~\necho two\n");
    await sees(page, /# echo one\[201~\n(> )?echo two$/);
    // Bash itself keeps the line if a key follows faster than its signal.
    await page.keyboard.press("Control+c");
    await sees(page, /\^C\n#$/);
    await page.keyboard.type("\fcat\r");
    await sees(page, /cat$/);
    await paste("first\nsecond\n");
    await page.getByRole("dialog", { name: "Paste 2 lines?" }).waitFor();
    await page.getByRole("button", { name: "Paste", exact: true }).click();
    await sees(page, /first\n[^]*second/);
  });

  it("is clean for axe in light and dark, also on a phone's width and for screen readers", async () => {
    const page = await withTerminal();
    await page.evaluate(axeSource);
    const violations = (): Promise<unknown> =>
      page.evaluate(
        "axe.run(document.querySelector('.bottom-panel')).then(({ violations }) => violations.map(({ id, nodes }) => id + ' ' + nodes[0].html))",
      );
    expect(await violations()).toEqual([]);
    await page.keyboard.press("Control+Shift+f");
    await page.getByRole("textbox", { name: "Find in the terminal" }).waitFor();
    await page.keyboard.type("workspace");
    await page.keyboard.press("Enter");
    await page.evaluate("document.documentElement.dataset.theme = 'dark'");
    await page.setViewportSize({ width: 390, height: 780 });
    expect(await violations()).toEqual([]);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await page.keyboard.press("Escape");
    await expect.poll(() => focused(page)).toMatch(/^Terminal 1/);
    await page.keyboard.press("Control+Shift+P");
    await page.keyboard.type("screen reader mode");
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: /^Terminal 1/ }).focus();
    await page.keyboard.type("echo spoken$((1 + 1))\r");
    await page.locator("[role=tabpanel] [role=listitem]").filter({ hasText: "spoken2" }).first().waitFor();
    expect(await violations()).toEqual([]);
  });
});
