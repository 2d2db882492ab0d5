/** The browser of the tests and benchmarks: which program, and the flags that keep it from talking to anyone. */

export const chromiumPath: string = process.env["KROMA_CHROMIUM"] ?? "/usr/bin/chromium";

export const chromiumArguments: readonly string[] = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
