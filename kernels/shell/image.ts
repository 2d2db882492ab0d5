/**
 * A built Linux image as files beside a manifest: state, disk chunks, kernel, firmware, each with its SHA-256. This is
 * the reading side; vm-images/build.ts writes it.
 */
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";
import { concatenate } from "#core/base/bytes.ts";
import { dropBytes, keepBytes, keepOnly, keptBytes } from "./image-cache.ts";
import { HOW_TO_BUILD, type ImageSource } from "./image-source.ts";

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

/** The manifest of the image; `onMaking` hears what a host is doing that makes it. */
export async function loadManifest(
  image: ImageSource,
  onMaking: (stage: string) => void = () => undefined,
): Promise<ImageManifest> {
  const text = await image.manifest(onMaking);
  const manifest = readManifest(text);
  void keepBytes(image.keptAs, new TextEncoder().encode(text));
  return manifest;
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
export async function forgetOtherImages(image: ImageSource, manifest: ImageManifest): Promise<void> {
  const sums = partsOf(manifest).map((found) => found.sha256);
  await keepOnly(new Set([image.keptAs, ...sums]));
}

/** A part, from this browser or from where the image is, checked; `onBytes` hears how many bytes have come. */
export async function loadPart(
  image: ImageSource,
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
  for await (const piece of image.read(part.file)) {
    if (at + piece.length > bytes.length)
      throw new KromaError("corrupt", `${part.file} of the Linux image is longer than it should be`);
    bytes.set(piece, at);
    at += piece.length;
    onBytes(at);
  }
  await check(bytes.subarray(0, at), part);
  void keepBytes(part.sha256, bytes);
  return bytes;
}

/** A deflated disk chunk, from this browser or from where the image is, its content checked. */
export async function loadChunk(image: ImageSource, part: ImagePart): Promise<Uint8Array<ArrayBuffer>> {
  const kept = await genuine(part, inflate);
  if (kept) return kept;
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of image.read(part.file)) {
    size += piece.length;
    // Deflated, nothing grows by more than a thousandth.
    if (size > part.size + part.size / 100 + 1024)
      throw new KromaError("corrupt", `${part.file} of the Linux image is longer than it should be`);
    pieces.push(piece);
  }
  const packed = concatenate(pieces);
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

async function check(bytes: Uint8Array<ArrayBuffer>, part: ImagePart): Promise<void> {
  const sum = bytes.length === part.size ? await sha256(bytes) : "of another length";
  if (sum !== undefined && sum !== part.sha256) {
    throw new KromaError("corrupt", `${part.file} of the Linux image is damaged (SHA-256 ${sum})`);
  }
}
