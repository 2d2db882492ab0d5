// A Node worker thread with the face of a browser's worker, for the kernel's worker program (workerData.program).
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parentPort, workerData } from "node:worker_threads";

globalThis.self = globalThis;
globalThis.postMessage = (message, transfer) => parentPort.postMessage(message, transfer);
const early = [];
const listeners = new Set();
parentPort.on("message", (data) => {
  if (!listeners.size) early.push(data);
  for (const listener of listeners) listener({ data });
});
globalThis.addEventListener = (type, listener) => {
  if (type !== "message") return;
  listeners.add(listener);
  for (const data of early.splice(0)) listener({ data });
};
globalThis.kromaReadSync = (url) => readFileSync(fileURLToPath(url));
globalThis.kromaCacheDirectory = workerData.cache;
const webFetch = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const url = String(input?.url ?? input);
  if (!url.startsWith("file:")) return await webFetch(input, init);
  try {
    const bytes = await readFile(fileURLToPath(url));
    return new Response(bytes, { headers: url.endsWith(".wasm") ? { "content-type": "application/wasm" } : {} });
  } catch {
    return new Response("", { status: 404 });
  }
};
await import(workerData.program);
