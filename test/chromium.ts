/** The browser of the tests and benchmarks: which program, and the flags that keep it from talking to anyone. */

import { join } from "node:path";

export const chromiumPath: string = process.env["KROMA_CHROMIUM"] ?? "/usr/bin/chromium";

export const chromiumArguments: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // What its microphone hears is always the same, and nobody in the room.
  "--use-fake-device-for-media-stream",
  `--use-file-for-fake-audio-capture=${join(import.meta.dirname, "../notebooks/data/sense-and-sensibility.wav")}`,
];
