/** Images that were built elsewhere: taken whole from a folder, a CAR file, a mirror or a gateway, or not at all. */
import { createHash } from "node:crypto";
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { imageList, takeImage } from "#app/node/artefacts/linux-image.ts";
import { IMAGE_LIST, linuxNoteFile, readImageList, readLinuxNote } from "#core/artefact/linux-note.ts";
import { MemoryBlockStore } from "#core/store/memory.ts";
import { hostedImage, orNoted } from "#kernels/shell/image-source.ts";
import { writeCar } from "#vm-images/exchange/car.ts";
import { ensureImage, findImage } from "#vm-images/exchange/ensure.ts";
import { obtainImage } from "#vm-images/exchange/obtain.ts";
import { KromaError } from "#core/base/errors.ts";
import { openCar } from "#core/store/car.ts";
import { loadChunk, loadManifest, loadPart, partsOf, readManifest } from "#kernels/shell/image.ts";
import { publishedImage } from "#kernels/shell/image-blocks.ts";

let work: string;
let image: string;
let cache: string;
let names: readonly string[];
const servers: Server[] = [];

const sum = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const sumOf = async (file: string): Promise<string> => sum(await readFile(file));

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), "kroma-exchange-"));
  image = join(work, "image");
  cache = join(work, "cache");
  await mkdir(join(image, "disk"), { recursive: true });
  const part = async (file: string, size: number) => {
    const bytes = Buffer.alloc(size, file);
    await writeFile(join(image, file), bytes);
    return { file, size, sha256: sum(bytes) };
  };
  const chunks = [1, 2, 3].map((fill) => Buffer.alloc(1000, fill));
  for (const chunk of chunks) await writeFile(join(image, "disk", sum(chunk)), deflateRawSync(chunk));
  const template = Buffer.alloc(4100, 4);
  await writeFile(join(image, "layer"), deflateRawSync(template));
  const manifest = {
    format: 2,
    recipe: "0123456789abcdef",
    emulator: { version: "1", wasm: "none" },
    agent: 1,
    memory: 1,
    vgaMemory: 1,
    devices: "none",
    commandLine: "",
    // Longer than a block of UnixFS.
    state: await part("state.zst", 2_500_000),
    kernel: await part("kernel", 10),
    initrd: await part("initrd", 11),
    bios: await part("bios.bin", 12),
    vgaBios: await part("vgabios.bin", 13),
    disk: {
      size: 3000,
      chunk: 1000,
      chunks: chunks.map((chunk) => ({ file: `disk/${sum(chunk)}`, size: chunk.length, sha256: sum(chunk) })),
      warm: [],
    },
    layer: { size: 1 << 20, template: { file: "layer", size: template.length, sha256: sum(template) } },
    packages: [],
  };
  await writeFile(join(image, "manifest.json"), JSON.stringify(manifest));
  names = ["manifest.json", ...partsOf(readManifest(JSON.stringify(manifest))).map(({ file }) => file)];
});
afterEach(async () => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
  await rm(work, { recursive: true });
});

const take = (source: string, gateways: readonly string[] = []): Promise<string> =>
  obtainImage({ cache, source, gateways, log: () => undefined });

/** A server on loopback that answers by path. */
async function serve(answer: (path: string) => string | undefined): Promise<string> {
  const server = createServer((request, response) => {
    const file = answer(new URL(request.url ?? "/", "http://localhost").pathname);
    if (file === undefined || !existsSync(file)) return void response.writeHead(404).end();
    createReadStream(file).pipe(response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** The same, from memory. */
async function serveBytes(
  answer: (url: URL) => Uint8Array | undefined | Promise<Uint8Array | undefined>,
): Promise<string> {
  const server = createServer((request, response) => {
    void Promise.resolve(answer(new URL(request.url ?? "/", "http://localhost"))).then((bytes) =>
      bytes ? response.end(bytes) : response.writeHead(404).end(),
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function isWhole(folder: string): Promise<void> {
  for (const name of names) expect(await sumOf(join(folder, name)), name).toBe(await sumOf(join(image, name)));
  // Nothing else is left in the cache.
  expect((await readdir(join(cache, "vm"))).filter((name) => name.startsWith("."))).toEqual([]);
}

describe("a Linux image", () => {
  it("has the same CID whoever writes it, and comes whole out of its CAR file", async () => {
    const first = await writeCar(image, names, join(work, "a.car"));
    const second = await writeCar(image, names.toReversed(), join(work, "b.car"));
    expect(first.toString()).toBe(second.toString());
    expect(await sumOf(join(work, "a.car"))).toBe(await sumOf(join(work, "b.car")));
    await isWhole(await take(join(work, "a.car")));
  });

  it("comes from a folder, and from a folder on the web", async () => {
    await isWhole(await take(image));
    await rm(cache, { recursive: true });
    const url = await serve((path) => join(image, path));
    await isWhole(await take(url));
  });

  it("comes by CID from the first gateway that has it and does not lie", async () => {
    const root = await writeCar(image, names, join(work, "a.car"));
    const other = await writeCar(image, names.slice(1), join(work, "other.car"));
    expect(other.toString()).not.toBe(root.toString());
    const empty = await serve(() => undefined);
    const good = await serve((path) => (path === `/ipfs/${root.toString()}` ? join(work, "a.car") : undefined));
    await isWhole(await take(`ipfs://${root.toString()}`, [empty, good]));
    await rm(cache, { recursive: true });
    const liar = await serve(() => join(work, "other.car"));
    await expect(take(root.toString(), [liar])).rejects.toThrow(`holds ${other.toString()}, not ${root.toString()}`);
    await expect(take(root.toString(), [empty])).rejects.toThrow("does not have it");
    await expect(take(root.toString(), [])).rejects.toThrow("KROMA_GATEWAYS");
  });

  it("comes block by block into a page by its CID, from gateways that may lie or lack it", async () => {
    const file = join(work, "a.car");
    const root = (await writeCar(image, names, file)).toString();
    const blocks = new Map<string, Uint8Array>();
    const car = await openCar(createReadStream(file));
    for await (const { cid, bytes } of car.blocks) blocks.set(cid, bytes);
    const asked: string[] = [];
    const gateway = (blockOf: (cid: string) => Uint8Array | undefined): Promise<string> =>
      serveBytes((url) => {
        expect(url.searchParams.get("format")).toBe("raw");
        const cid = url.pathname.slice("/ipfs/".length);
        asked.push(cid);
        return blockOf(cid);
      });
    const good = await gateway((cid) => blocks.get(cid));
    const liar = await gateway(() => new TextEncoder().encode("something else"));
    const empty = await gateway(() => undefined);

    const published = publishedImage(`ipfs://${root}`, [empty, liar, good]);
    const manifest = await loadManifest(published);
    expect(manifest).toEqual(readManifest(await readFile(join(image, "manifest.json"), "utf8")));
    const seen: number[] = [];
    const state = await loadPart(published, manifest.state, (size) => seen.push(size));
    expect(sum(state)).toBe(manifest.state.sha256);
    // In blocks of a megabyte: one hears how far it is.
    expect(seen.length).toBeGreaterThan(2);
    for (const chunk of manifest.disk.chunks) expect(sum(await loadChunk(published, chunk))).toBe(chunk.sha256);
    // The directories are asked for once by all files together.
    expect(asked.filter((cid) => cid === root).length).toBeLessThanOrEqual(3);

    const [cid = ""] = [...blocks].find(([, bytes]) => bytes.length === manifest.kernel.size) ?? [];
    const damaged = await gateway((name) => (name === cid ? Uint8Array.of(1) : blocks.get(name)));
    await expect(loadPart(publishedImage(root, [damaged]), manifest.kernel)).rejects.toMatchObject({ code: "corrupt" });
    await expect(loadManifest(publishedImage(root, [empty]))).rejects.toMatchObject({ code: "missing" });
    const other = publishedImage((await writeCar(image, names.slice(1), file)).toString(), [good]);
    await expect(loadManifest(other)).rejects.toMatchObject({ code: "missing" });
    expect(() => publishedImage(root, [])).toThrow("no gateway");
    expect(() => publishedImage("bafynonsense", [good])).toThrow(KromaError);
  });

  it("F10: is named by the CID that its CAR file has, and found by a note beside a copy of Kroma", async () => {
    const root = (await writeCar(image, names, join(work, "a.car"))).toString();
    const list = await imageList(image);
    expect(list.cid).toBe(root);
    expect(list.files.map(({ path }) => path).toSorted()).toEqual([...names].toSorted());
    // Noted beside the image, and made anew where the note is none.
    expect(readImageList(await readFile(join(image, IMAGE_LIST), "utf8"))).toEqual(list);
    await writeFile(join(image, IMAGE_LIST), "{");
    expect(await imageList(image)).toEqual(list);

    const blocks = new MemoryBlockStore();
    expect(await takeImage(image, list, blocks)).toMatchObject({ name: "linux", cid: root });
    await expect(takeImage(image, { ...list, files: list.files.slice(1) }, new MemoryBlockStore())).rejects.toThrow(
      "another by now",
    );

    const files = (isAlong: boolean, folder: string) => {
      const note = linuxNoteFile({ image: root, isAlong }).content as Uint8Array;
      return (url: URL): Uint8Array | undefined => {
        const place = join(folder, url.pathname.replace(/^.*?\/linux\//, ""));
        if (url.pathname.endsWith("/linux.json")) return note;
        return url.pathname.includes("/linux/") && existsSync(place) ? readFileSync(place) : undefined;
      };
    };
    const asked: string[] = [];
    const raw = ({ pathname, searchParams }: URL) =>
      searchParams.get("format") === "raw" ? blocks.get(pathname.slice("/ipfs/".length)) : undefined;
    const gateway = await serveBytes((url) => {
      asked.push(url.pathname);
      return raw(url);
    });
    const found = async (notes: readonly string[], gateways: readonly string[]): Promise<string> => {
      const source = orNoted(hostedImage(new URL("assets/vm/", notes[0]).href), notes, gateways);
      const manifest = await loadManifest(source);
      for (const chunk of manifest.disk.chunks) expect(sum(await loadChunk(source, chunk))).toBe(chunk.sha256);
      return sum(await loadPart(source, manifest.state));
    };
    const state = sum(await readFile(join(image, "state.zst")));
    // In the folder beside the note, on any host.
    const along = await serveBytes(files(true, image));
    expect(await found([`${along}a/kroma/linux.json`, `${along}a/linux.json`], [])).toBe(state);
    expect(asked).toEqual([]);
    // Where the folder was left out, and where the note alone is, from gateways.
    const lost = await serveBytes(files(true, join(work, "nothing")));
    expect(await found([`${lost}a/linux.json`], [gateway])).toBe(state);
    const named = await serveBytes(files(false, image));
    expect(await found([`${named}a/linux.json`], [gateway])).toBe(state);
    // The gateway that the copy came from is asked without any setting.
    const own = await serveBytes((url) => raw(url) ?? files(false, image)(url));
    expect(await found([`${own}ipfs/${root}/linux.json`], [])).toBe(state);
    // None at all, one that is no note, and one of an image that nobody has.
    await expect(found([`${gateway}linux.json`], [])).rejects.toMatchObject({ code: "missing" });
    const page = await serveBytes(() => new TextEncoder().encode("<!doctype html>"));
    await expect(found([`${page}linux.json`], [])).rejects.toMatchObject({ code: "missing" });
    await expect(found([`${named}a/linux.json`], [page])).rejects.toBeInstanceOf(KromaError);
    for (const wrong of ["", "[]", '{"version":1,"image":"bafkqaaa"}', '{"version":1,"image":"x"}', '{"version":2}'])
      expect(() => readLinuxNote(wrong)).toThrow(expect.objectContaining({ code: "corrupt" }));
    for (const wrong of ["", `{"version":1,"cid":"${root}","files":{"../x":1}}`])
      expect(() => readImageList(wrong)).toThrow(KromaError);
  });

  it("is refused with the reason when it is damaged, and leaves nothing behind", async () => {
    const file = join(work, "a.car");
    await writeCar(image, names, file);
    const bytes = await readFile(file);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length - 500] = (damaged.at(-500) ?? 0) ^ 1;
    await writeFile(file, damaged);
    await expect(take(file)).rejects.toThrow("is something else");
    await writeFile(file, bytes.subarray(0, bytes.length - 100));
    await expect(take(file)).rejects.toThrow("cut off");
    await writeFile(file, "not a CAR");
    await expect(take(file)).rejects.toThrow("no CAR file");

    const spoil = async (change: (folder: string) => Promise<void>): Promise<string> => {
      const folder = await mkdtemp(join(work, "spoilt-"));
      await cp(image, folder, { recursive: true });
      await change(folder);
      return folder;
    };
    const chunk = names.find((name) => name.startsWith("disk/")) ?? "";
    const edit = (find: string, put: string) => async (folder: string) => {
      const text = await readFile(join(folder, "manifest.json"), "utf8");
      await writeFile(join(folder, "manifest.json"), text.replaceAll(find, put));
    };
    const cases: readonly (readonly [(folder: string) => Promise<void>, RegExp])[] = [
      [(folder) => rm(join(folder, "kernel")), /lacks its part kernel/],
      [(folder) => writeFile(join(folder, "kernel"), "0123456789"), /kernel of the Linux image is damaged/],
      [(folder) => writeFile(join(folder, chunk), "xyz"), /disk\/.* of the Linux image is damaged/],
      [(folder) => writeFile(join(folder, chunk), deflateRawSync(Buffer.alloc(5_000_000))), /is damaged/],
      [(folder) => rm(join(folder, "manifest.json")), /has no manifest.json/],
      [edit('"kernel","size"', '"../kernel","size"'), /unknown format/],
      [edit('"kernel","size"', '"/etc/passwd","size"'), /unknown format/],
      [edit("0123456789abcdef", "../../x"), /strange name/],
    ];
    for (const [change, reason] of cases) await expect(take(await spoil(change))).rejects.toThrow(reason);
    expect(await readdir(join(cache, "vm"))).toEqual([]);
  });

  it("is taken once where the settings name it, and used from its folder", async () => {
    let asked = 0;
    const url = await serve((path) => (asked++, join(image, path)));
    const settings = { source: url, gateways: [] };
    expect(await findImage(cache, settings)).toBeUndefined();
    const folder = await ensureImage({ cache, log: () => undefined }, settings);
    const before = asked;
    expect(await ensureImage({ cache, log: () => undefined }, settings)).toBe(folder);
    expect(await findImage(cache, settings)).toBe(folder);
    expect(asked).toBe(before);
    expect(await findImage(cache, { source: "0123456789abcdef", gateways: [] })).toBe(folder);
    expect(await findImage(cache, { source: image, gateways: [] })).toBe(image);
  });
});
