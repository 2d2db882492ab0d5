/** The workspace as Linux sees it: messages of 9P2000.L as the kernel's client sends them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { NineP } from "#core/workspace/p9.ts";
import { P9Reader, P9Writer } from "#core/workspace/p9-codec.ts";
import { SyncFs } from "#core/workspace/sync-client.ts";
import { pattern } from "../../conformance/workspace.ts";
import { startStore, type StartedStore } from "./start-store.ts";

type Field =
  | readonly ["u8" | "u16" | "u32" | "u64", number]
  | readonly ["text", string]
  | readonly ["bytes", Uint8Array];
const u8 = (value: number): Field => ["u8", value];
const u16 = (value: number): Field => ["u16", value];
const u32 = (value: number): Field => ["u32", value];
const u64 = (value: number): Field => ["u64", value];
const text = (value: string): Field => ["text", value];
const ROOT_FID = 0;
const NO_FID = 0xffffffff;

describe("the 9P server", () => {
  let store: StartedStore;
  let fs: SyncFs;
  let other: SyncFs;
  let server: NineP;
  let nextFid = 1;
  beforeAll(async () => {
    store = await startStore({});
    fs = new SyncFs(store.open.shared);
    other = new SyncFs(store.open.shared);
  });
  afterAll(async () => {
    fs.release();
    other.release();
    await store.open.close();
  });
  beforeEach(() => {
    server = new NineP(fs, {
      failed(error) {
        throw error;
      },
    });
    const version = ask(100, [u32(500_000), text("9P2000.L")]);
    expect([version.u32(), version.text()]).toEqual([500_000, "9P2000.L"]);
    ask(104, [u32(ROOT_FID), u32(NO_FID), text("root"), text(""), u32(0)]);
    nextFid = 1;
  });

  /** Sends a message; answers a reader behind the answer's header. Throws "errno N" for Rlerror. */
  function ask(type: number, fields: readonly Field[]): P9Reader {
    const writer = new P9Writer();
    for (const [kind, value] of fields) {
      if (kind === "text") writer.text(value);
      else if (kind === "bytes") writer.append(value);
      else writer[kind](value);
    }
    const answer = server.handle(writer.finish(type, 77));
    const reader = new P9Reader(answer);
    expect(reader.u32()).toBe(answer.length);
    const kind = reader.u8();
    expect(reader.u16()).toBe(77);
    if (kind === 7) throw new Error(`errno ${reader.u32()}`);
    expect(kind).toBe(type + 1);
    return reader;
  }
  function walk(path: string): number {
    const names = path.split("/").filter((name) => name !== "");
    const fid = nextFid++;
    const answer = ask(110, [u32(ROOT_FID), u32(fid), u16(names.length), ...names.map(text)]);
    if (answer.u16() < names.length) throw new Error("errno 2");
    return fid;
  }
  const clunk = (fid: number) => ask(120, [u32(fid)]);
  const readAt = (fid: number, offset: number, count: number) => {
    const answer = ask(116, [u32(fid), u64(offset), u32(count)]);
    return answer.bytes(answer.u32()).slice();
  };

  test("creates, writes, reads, and lets others see it and their changes", () => {
    const fid = walk("");
    ask(14, [u32(fid), text("guest"), u32(0o1102), u32(0o100644), u32(0)]);
    const bytes = pattern(9000);
    expect(ask(118, [u32(fid), u64(0), u32(9000), ["bytes", bytes]]).u32()).toBe(9000);
    expect(other.readFile("guest")).toEqual(bytes);
    other.writeFile("guest", "short");
    expect(new TextDecoder().decode(readAt(fid, 0, 100))).toBe("short");
    clunk(fid);
    expect(() => readAt(fid, 0, 1)).toThrow("errno 9");
  });

  test("walks to where there is something, and says where there is nothing", () => {
    other.writeFile("dir/sub/file", "x");
    walk("dir/sub/file");
    walk("dir/sub/../sub/file");
    expect(() => walk("none")).toThrow("errno 2");
    const partial = ask(110, [u32(ROOT_FID), u32(99), u16(3), text("dir"), text("none"), text("file")]);
    expect(partial.u16()).toBe(1);
    expect(() => clunk(99)).toThrow("errno 9");
  });

  test("lists a directory in pieces of any size without losing a name", () => {
    const expected = Array.from({ length: 500 }, (_, i) => `entry-${i}`);
    for (const name of expected) other.writeFile(`list/${name}`, "");
    const fid = walk("list");
    ask(12, [u32(fid), u32(0o200000)]);
    const names: string[] = [];
    for (let offset = 0; ;) {
      const answer = ask(40, [u32(fid), u64(offset), u32(700)]);
      let left = answer.u32();
      if (left === 0) break;
      while (left > 0) {
        answer.bytes(13);
        offset = answer.u64();
        const type = answer.u8();
        const name = answer.text();
        left -= 24 + name.length;
        if (name !== "." && name !== "..") expect(type).toBe(8);
        names.push(name);
      }
    }
    expect(names.slice(2).sort()).toEqual(expected.sort());
    expect(names.slice(0, 2)).toEqual([".", ".."]);
  });

  test("tells and sets attributes", () => {
    other.writeFile("attributes", "12345");
    const fid = walk("attributes");
    ask(26, [
      u32(fid),
      u32(1 | 8 | 32 | 256),
      u32(0o600),
      u32(0),
      u32(0),
      u64(3),
      u64(0),
      u64(0),
      u64(1_600_000_000),
      u64(500_000_000),
    ]);
    const stat = other.resolve("attributes");
    expect([(stat?.mode ?? 0) & 0o7777, stat?.size, stat?.modified]).toEqual([0o600, 3, 1_600_000_000_500]);
    const answer = ask(24, [u32(fid), u64(0x7ff)]);
    answer.bytes(8 + 13);
    expect([answer.u32(), answer.u32(), answer.u32()]).toEqual([0o100600, 0, 0]);
    expect([answer.u64(), answer.u64(), answer.u64()]).toEqual([1, 0, 3]);
  });

  test("makes directories, links and symbolic links, renames and removes", () => {
    ask(72, [u32(ROOT_FID), text("made"), u32(0o755), u32(0)]);
    const made = walk("made");
    ask(16, [u32(made), text("symbolic"), text("target"), u32(0)]);
    expect(ask(22, [u32(walk("made/symbolic"))]).text()).toBe("target");
    other.writeFile("made/file", "linked");
    ask(70, [u32(made), u32(walk("made/file")), text("second")]);
    expect(other.readText("made/second")).toBe("linked");
    ask(74, [u32(made), text("second"), u32(ROOT_FID), text("moved")]);
    expect(other.readText("moved")).toBe("linked");
    expect(() => ask(76, [u32(ROOT_FID), text("made"), u32(0x200)])).toThrow("errno 39");
    expect(() => ask(76, [u32(ROOT_FID), text("made"), u32(0)])).toThrow("errno 21");
    ask(76, [u32(made), text("file"), u32(0)]);
    ask(76, [u32(made), text("symbolic"), u32(0)]);
    ask(76, [u32(ROOT_FID), text("made"), u32(0x200)]);
    expect(other.exists("made")).toBe(false);
  });

  test("has pipes and sockets for the machine alone, which end with it", () => {
    other.writeFile("special/file", "x");
    const directory = walk("special");
    const [pipe, socket] = [0o010640, 0o140755];
    const mknod = (name: string, mode: number) =>
      ask(18, [u32(directory), text(name), u32(mode), u32(0), u32(0), u32(0)]);
    const modeOf = (path: string): number => {
      const answer = ask(24, [u32(walk(path)), u64(0x7ff)]);
      answer.bytes(8 + 13);
      return answer.u32();
    };
    const types = (): Record<string, number> => {
      const fid = walk("special");
      ask(12, [u32(fid), u32(0o200000)]);
      const answer = ask(40, [u32(fid), u64(0), u32(4000)]);
      const found: Record<string, number> = {};
      for (let left = answer.u32(); left > 0;) {
        answer.bytes(13 + 8);
        const type = answer.u8();
        const name = answer.text();
        left -= 24 + name.length;
        if (!name.startsWith(".")) found[name] = type;
      }
      return found;
    };
    mknod("pipe", pipe);
    mknod("socket", socket);
    expect(types()).toEqual({ file: 8, pipe: 1, socket: 12 });
    expect([modeOf("special/pipe"), modeOf("special/socket")]).toEqual([pipe, socket]);
    ask(26, [
      u32(walk("special/pipe")),
      u32(1),
      u32(0o600),
      u32(0),
      u32(0),
      ...Array.from({ length: 5 }, () => u64(0)),
    ]);
    expect(modeOf("special/pipe")).toBe(0o010600);
    for (const name of ["pipe", "file"]) expect(() => mknod(name, pipe)).toThrow("errno 17");
    expect(() => mknod("device", 0o020600)).toThrow("errno 1");
    expect(() => ask(70, [u32(directory), u32(walk("special/pipe")), text("second")])).toThrow("errno 1");
    expect(other.list("special").map(({ name }) => name)).toEqual(["file"]);

    // One takes the place of a file, and a file that of one.
    ask(74, [u32(directory), text("pipe"), u32(directory), text("file")]);
    expect(types()).toEqual({ file: 1, socket: 12 });
    expect(other.exists("special/file")).toBe(false);
    other.writeFile("special/new", "y");
    ask(74, [u32(directory), text("new"), u32(directory), text("file")]);
    expect(types()).toEqual({ file: 8, socket: 12 });
    ask(76, [u32(directory), text("file"), u32(0)]);
    expect(() => ask(76, [u32(ROOT_FID), text("special"), u32(0x200)])).toThrow("errno 39");
    server.reset();
    ask(104, [u32(ROOT_FID), u32(NO_FID), text("root"), text(""), u32(0)]);
    ask(76, [u32(ROOT_FID), text("special"), u32(0x200)]);
    expect(other.exists("special")).toBe(false);
  });

  test("keeps a removed file readable for the one who has it open", () => {
    other.writeFile("held", "content");
    const fid = walk("held");
    ask(12, [u32(fid), u32(0)]);
    other.remove("held");
    expect(new TextDecoder().decode(readAt(fid, 0, 100))).toBe("content");
    clunk(fid);
  });

  test("keeps locks of processes and of other clients apart", () => {
    other.writeFile("locked", "0123456789");
    const fid = walk("locked");
    ask(12, [u32(fid), u32(2)]);
    const lock = (type: number, start: number, length: number, process: number) =>
      ask(52, [u32(fid), u8(type), u32(0), u64(start), u64(length), u32(process), text("guest")]).u8();
    expect(lock(1, 0, 5, 1)).toBe(0);
    expect(lock(1, 4, 1, 2)).toBe(1);
    expect(lock(1, 5, 0, 2)).toBe(0);
    const inode = other.resolve("locked")?.inode ?? 0;
    expect(other.lock(inode, { type: 1, start: 0, length: 1, process: 1 })).toBe(false);
    const held = ask(54, [u32(fid), u8(1), u64(0), u64(0), u32(3), text("guest")]);
    expect([held.u8(), held.u64(), held.u64(), held.u32()]).toEqual([1, 0, 5, 1]);
    expect(lock(2, 0, 0, 1)).toBe(0);
    expect(other.lock(inode, { type: 1, start: 0, length: 1, process: 1 })).toBe(true);
    clunk(fid);
  });

  test("refuses what it does not do and survives messages that make no sense", () => {
    const fid = walk("");
    expect(() => ask(30, [u32(fid), u32(5), text("user.x")])).toThrow("errno 95");
    expect(() => ask(32, [u32(fid), text("user.x"), u64(0), u32(0)])).toThrow("errno 95");
    expect(() => ask(24, [u32(4242), u64(0)])).toThrow("errno 9");
    expect(() => ask(116, [u32(fid)])).toThrow("errno 22");
    expect(() => ask(200, [])).toThrow("errno 95");
    expect(() => ask(18, [u32(ROOT_FID), text("device"), u32(0o20644), u32(1), u32(3), u32(0)])).toThrow("errno 1");
    const unknown = ask(100, [u32(8192), text("9P2000.u")]);
    expect([unknown.u32(), unknown.text()]).toEqual([8192, "unknown"]);
  });

  test("has programs read and write in pieces that are worth a message each", () => {
    other.writeFile("long", new Uint8Array(10_000));
    const fid = walk("long");
    const answer = ask(24, [u32(fid), u64(0x7ff)]);
    answer.bytes(8 + 13 + 3 * 4 + 2 * 8);
    const [size, piece, blocks] = [answer.u64(), answer.u64(), answer.u64()];
    expect([size, blocks]).toEqual([10_000, 20]);
    expect(piece).toBeGreaterThanOrEqual(16 * 1024);
    expect(piece % 4096).toBe(0);
    clunk(fid);
  });

  test("tells the disk's size", () => {
    const answer = ask(8, [u32(ROOT_FID)]);
    expect([answer.u32(), answer.u32()]).toEqual([0x01021997, 4096]);
    expect(answer.u64()).toBeGreaterThan(1000);
  });
});
