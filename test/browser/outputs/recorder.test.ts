/** The recorder on the screen before anything is recorded; that it records is told in test/e2e/hear.test.ts. */
import axe from "axe-core";
import { afterEach, expect, test } from "vitest";
import { draw, type Drawn, type DrawOptions } from "./draw.ts";

const MIME = "application/vnd.kroma.recorder+json";
let drawn: Drawn | undefined;
afterEach(() => drawn?.remove());

const keep = (): Promise<void> => Promise.resolve();
async function show(path: unknown, options: DrawOptions = { keep }): Promise<HTMLElement> {
  drawn = await draw({ [MIME]: { path } }, options);
  return drawn.element;
}

test("it says where the sound goes, plays what is there already, and is usable by everybody", async () => {
  const file = (path: string) => Promise.resolve(path === "a/voice.wav" ? new Blob(["RIFF"]) : undefined);
  const element = await show("a/voice.wav", { keep, file });
  expect(element.querySelector("button")!.textContent).toBe("Record");
  expect(element.querySelector("[role=status]")!.textContent).toBe("Records into a/voice.wav.");
  expect(element.querySelector("audio")!.hidden).toBe(false);
  const { violations } = await axe.run(element);
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
});

test("without permission it says so, and stays what it was", async () => {
  const element = await show("voice.wav");
  const button = element.querySelector("button")!;
  button.click();
  await expect
    .poll(() => element.querySelector("[role=status]")!.textContent)
    .toBe("The browser does not allow this page to use the microphone. You can allow it beside the page's address.");
  expect([button.textContent, button.getAttribute("aria-disabled")]).toEqual(["Record", "false"]);
});

test.each([
  ["a notebook that is not trusted", "voice.wav", { keep, foreign: true }, "This notebook came from elsewhere."],
  ["where nothing can be kept", "voice.wav", {}, "Recording works where the notebook is open and runs."],
  ["another kind of file", "notes.txt", { keep }, "This output names no file that can be recorded."],
  ["what the notebook keeps for itself", ".kroma/x.wav", { keep }, "This output names no file that can be recorded."],
  ["a place outside of the notebook", "../x.wav", { keep }, "This output names no file that can be recorded."],
  ["a hidden way out", "a/../../x.wav", { keep }, "This output names no file that can be recorded."],
  ["an absolute path", "/etc/x.wav", { keep }, "This output names no file that can be recorded."],
  ["no path", undefined, { keep }, "This output names no file that can be recorded."],
])("%s has no recorder", async (_, path, options, sentence) => {
  const element = await show(path, options);
  expect(element.querySelector("button")).toBe(null);
  expect(element.textContent).toContain(sentence);
});
