/** The kernels' rules, for the chat: its programs are prompts, and a scripted driver does what they say. */
import { KromaError } from "#core/base/errors.ts";
import type { ChatDelta, ChatRequest } from "#core/chat/driver.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { KernelHost } from "#core/kernel/kernel.ts";
import { chatKernel } from "#kernels/chat/kernel.ts";
import { kernelConformance } from "../../conformance/kernel.ts";
import { promptOf, scriptedDriver, untilAborted, words } from "./scripted-driver.ts";

const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`);

async function* script(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatDelta> {
  const prompt = promptOf(request);
  const say = (text: string): ChatDelta => ({ type: "text", text });
  if (prompt === "fail") {
    yield say("before");
    throw new KromaError("unavailable", "The answer was cut off.");
  }
  if (prompt === "spin") {
    yield say("started ");
    // A model that never ends and takes no notice of the signal.
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      yield say(".");
    }
  }
  if (prompt === "sleep") {
    yield say("started");
    await untilAborted(signal);
  }
  if (prompt === "many") {
    for (const line of lines) yield say(line);
    yield { type: "finish", reason: "stop" };
  } else yield* words(`${prompt}\n`);
}

const host: KernelHost = {
  spawn: () => {
    throw new Error("the chat has no worker");
  },
  asset: (path) => path,
  workspace: undefined,
  settings: defaultSettings,
  foreign: false,
  chat: { howTo: "", open: () => scriptedDriver(script) },
};

kernelConformance("Chat", chatKernel, () => Promise.resolve({ host, close: () => Promise.resolve() }), {
  print: "out 1\nout 2",
  printMany: "many",
  unicode: "é😀\nß\n漢字",
  answer: "42",
  fail: "fail",
  errorName: "ChatUnavailable",
  nonsense: "#| schema: {\nanything",
  spin: "spin",
  sleep: "sleep",
  complete: { code: "#| mod", label: "model" },
  hasNoWorker: true,
  speaksInDisplays: true,
});
