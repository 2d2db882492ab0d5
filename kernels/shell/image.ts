/**
 * A built Linux image as files beside a manifest: state, disk chunks, kernel, firmware, each with its SHA-256. This is
 * the reading side; vm-images/build.ts writes it.
 */
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { dropBytes, keepBytes, keepOnly, keptBytes } from "./image-cache.ts";

const part = v.object({
  /** Below the manifest's folder; never out of it. */
  file: v.pipe(v.string(), v.maxLength(200), v.regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/)),
  size: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 30)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

const manifestSchema = v.object({
  format: v.literal(2),
  /** Hash of the recipe's inputs; the image's name. */
  recipe: v.string(),
  /** The emulator the state was saved with: its version and the hash of its WebAssembly. */
  emulator: v.object({ version: v.string(), wasm: v.string() }),
  agent: v.number(),
  memory: v.number(),
  vgaMemory: v.number(),
  devices: v.string(),
  commandLine: v.string(),
  state: part,
  /** The same machine with a Python that has NumPy loaded (vm-images/guest/python.py). */
  science: v.optional(part),
  kernel: part,
  initrd: part,
  bios: part,
  vgaBios: part,
  disk: v.object({ size: v.number(), chunk: v.number(), chunks: v.array(part), warm: v.array(v.number()) }),
  /** The disk for what the machine changes: its bytes, and the blocks that a new one starts from (layer-store.ts), deflated. */
  layer: v.object({ size: v.number(), template: part }),
  packages: v.array(v.object({ name: v.string(), version: v.string() })),
});

/** One file of an image. Disk chunks are deflated (raw); their sha256 and size are of the content. */
export type ImagePart = v.InferOutput<typeof part>;
/** What manifest.json says. */
export type ImageManifest = v.InferOutput<typeof manifestSchema>;

/** A file of an image; the hash of a deflated one is of its content. */
export interface FoundPart extends ImagePart {
  readonly deflated: boolean;
}

/** All files of an image but its manifest, each once. */
export function partsOf(manifest: ImageManifest): readonly FoundPart[] {
  const { state, science, kernel, initrd, bios, vgaBios, disk, layer } = manifest;
  const plain = [state, kernel, initrd, bios, vgaBios, ...(science ? [science] : [])];
  const parts = [
    ...plain.map((found) => ({ ...found, deflated: false })),
    ...[layer.template, ...disk.chunks].map((found) => ({ ...found, deflated: true })),
  ];
  return [...new Map(parts.map((found) => [found.file, found])).values()];
}

/** How to get the image, told to whoever lacks it. */
export const HOW_TO_BUILD =
  "Build it with `npm run vm-image` (needs Debian's apt), or take one with `kroma vm import`; then restart the shell.";

/** How often a host is asked that is making the image, in milliseconds. */
const ASK_AGAIN = 1000;
const stageSchema = v.object({ stage: v.pipe(v.string(), v.maxLength(1000)) });

/**
 * The manifest of the image in the folder at `url` (ending in "/"); without network the one of the last visit. Waits
 * while the host says that it is making one (status 503 and `{ stage }`); `onMaking` hears what it is doing.
 */
export async function loadManifest(
  url: string,
  onMaking: (stage: string) => void = () => undefined,
): Promise<ImageManifest> {
  const place = new URL("manifest.json", url);
  const kept = `manifest?${encodeURIComponent(url)}`;
  for (;;) {
    let text: string;
    try {
      const response = await fetch(place).catch(async (error: unknown) => {
        const bytes = await keptBytes(kept);
        if (!bytes) throw error;
        return new Response(bytes);
      });
      const making = response.status === 503 ? v.safeParse(stageSchema, await response.json()) : undefined;
      if (making?.success) {
        onMaking(making.output.stage);
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN));
        continue;
      }
      if (!response.ok) throw new Error(`status ${response.status}`);
      text = await response.text();
    } catch {
      throw new KromaError("missing", `There is no Linux image. ${HOW_TO_BUILD}`);
    }
    const manifest = readManifest(text);
    void keepBytes(kept, new TextEncoder().encode(text));
    return manifest;
  }
}

/** What a manifest.json says, checked. */
export function readManifest(text: string): ImageManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // Servers of single-page sites answer with a page for what they do not have.
    throw new KromaError("missing", `There is no Linux image. ${HOW_TO_BUILD}`);
  }
  const manifest = v.safeParse(manifestSchema, json);
  if (!manifest.success) throw new KromaError("corrupt", `The Linux image is of an unknown format. ${HOW_TO_BUILD}`);
  return manifest.output;
}

/** Lets go of what this browser keeps of other images than this one. */
export async function forgetOtherImages(url: string, manifest: ImageManifest): Promise<void> {
  const sums = partsOf(manifest).map((found) => found.sha256);
  await keepOnly(new Set([`manifest?${encodeURIComponent(url)}`, ...sums]));
}

/** A part, from this browser or from the host, checked; `onBytes` hears how many bytes have come. */
export async function loadPart(
  url: string,
  part: ImagePart,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const kept = await genuine(part, async (bytes) => bytes);
  if (kept) {
    onBytes(part.size);
    return kept;
  }
  const bytes = new Uint8Array(part.size);
  let at = 0;
  const response = await get(new URL(part.file, url), part.file);
  const reader = response.body?.getReader();
  if (!reader) throw new KromaError("unavailable", `${part.file} of the Linux image is empty`);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > bytes.length)
      throw new KromaError("corrupt", `${part.file} of the Linux image is longer than it should be`);
    bytes.set(value, at);
    at += value.length;
    onBytes(at);
  }
  await check(bytes.subarray(0, at), part);
  void keepBytes(part.sha256, bytes);
  return bytes;
}

/** A deflated disk chunk, from this browser or from the host, its content checked. */
export async function loadChunk(url: string, part: ImagePart): Promise<Uint8Array<ArrayBuffer>> {
  const kept = await genuine(part, inflate);
  if (kept) return kept;
  const packed = new Uint8Array(await (await get(new URL(part.file, url), part.file)).arrayBuffer());
  const bytes = await inflate(packed).catch((error: unknown) => {
    throw new KromaError("corrupt", `${part.file} of the Linux image is damaged`, { cause: error });
  });
  await check(bytes, part);
  void keepBytes(part.sha256, packed);
  return bytes;
}

/** What is kept of a part, unless it was damaged: then it goes. */
async function genuine(
  part: ImagePart,
  unpack: (bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const kept = await keptBytes(part.sha256);
  if (!kept) return undefined;
  try {
    const bytes = await unpack(kept);
    await check(bytes, part);
    return bytes;
  } catch {
    await dropBytes(part.sha256);
    return undefined;
  }
}

async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** SHA-256 in hexadecimal; undefined where the page may not compute it (an origin that is not secure). */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string | undefined> {
  if (!globalThis.crypto.subtle) return undefined;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function get(url: URL, name: string): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new KromaError("unavailable", `cannot fetch ${name} of the Linux image`, { cause: error });
  }
  if (!response.ok)
    throw new KromaError("unavailable", `cannot fetch ${name} of the Linux image (status ${response.status})`);
  return response;
}

async function check(bytes: Uint8Array<ArrayBuffer>, part: ImagePart): Promise<void> {
  const sum = bytes.length === part.size ? await sha256(bytes) : "of another length";
  if (sum !== undefined && sum !== part.sha256) {
    throw new KromaError("corrupt", `${part.file} of the Linux image is damaged (SHA-256 ${sum})`);
  }
}
