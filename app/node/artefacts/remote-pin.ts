/** `kroma pin --service`: keeps something at a pinning service, too, and waits until it is. */
import { readFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { KromaError } from "#core/base/errors.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { stepPin, wantPin } from "#plugins/pinning/progress.ts";
import { missingBlocks } from "#plugins/pinning/send-blocks.ts";
import { PinService } from "#plugins/pinning/service.ts";
import { type Terminal, UsageError } from "../cli-error.ts";

/** The service at that address, with the token of the environment or of a file. */
export async function openService(endpoint: string, tokenFile: string | undefined): Promise<PinService> {
  const token = tokenFile === undefined ? process.env["KROMA_PIN_TOKEN"] : await readToken(tokenFile);
  if (token === undefined || token === "")
    throw new UsageError("pin: the service wants a token: --token-file FILE, or KROMA_PIN_TOKEN in the environment");
  return new PinService({ endpoint, token });
}

/** Resolves once the service has it. `denied` when it says no, with its words. */
export async function pinAtService(
  service: PinService,
  wish: { readonly cid: string; readonly name?: string },
  blocks: BlockStore,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  let pin = wantPin(service.endpoint, wish, Date.now());
  let told = "";
  for (;;) {
    pin = await stepPin(pin, service, Date.now, (at, cid, stop) => send(at, cid, blocks, stop), signal);
    if (pin.status === "pinned") return;
    if (pin.status === "refused") throw new KromaError("denied", pin.details);
    const words = `${service.name}: ${pin.status}${pin.details === "" ? "" : `, ${pin.details}`}`;
    if (words !== told) terminal.say(words);
    told = words;
    await sleep((pin.next ?? 0) - Date.now(), signal);
  }
}

/** Lets them go at the service, and nowhere else; the answer is the exit status, 1 when it has none of them. */
export async function unpinAtService(
  service: PinService,
  cids: readonly string[],
  terminal: Terminal,
): Promise<number> {
  let removed = 0;
  for (const cid of new Set(cids)) {
    for (const { requestid } of await service.find(cid)) if (await service.remove(requestid)) removed += 1;
  }
  if (removed === 0) terminal.say(`unpin: ${service.name} has no such pin`);
  return removed === 0 ? 1 : 0;
}

async function send(service: PinService, cid: string, blocks: BlockStore, signal?: AbortSignal): Promise<void> {
  if (!(await service.takesBlocks(signal))) return;
  const missing = await missingBlocks(service, cid, blocks, signal);
  if (!missing) return;
  const car = Readable.from(missing, { objectMode: false });
  await service.send(Readable.toWeb(car) as unknown as ReadableStream<Uint8Array>, signal);
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, milliseconds));
  const stop = (): void => reject(new KromaError("aborted", "This was stopped."));
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (signal.aborted) stop();
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
