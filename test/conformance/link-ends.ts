/**
 * The far end of a link under test: in this program, or in another one that is driven over HTTP. It has no test framework
 * in it, for it also runs in plain Node and in pages.
 */
import type { Link } from "#core/mesh/link.ts";

/** The other end of a link, here or elsewhere. Bytes are described, so that they need not travel twice. */
export interface FarEnd {
  /** Begins to receive. Until then it is a slow reader: nothing is taken. */
  listen(): Promise<void>;
  /** Sends a message of so many bytes, made by `sample`. */
  send(length: number, seed: number): Promise<void>;
  /** The checksums of the messages it was given since `listen`, once there are so many, or the link has ended. */
  received(count: number): Promise<readonly string[]>;
  close(reason?: string): Promise<void>;
  /** Once the link has ended at that end: the reason. */
  ended(): Promise<string | undefined>;
  /** Memory of the program it runs in, where it can be told apart from this one's. */
  memory?(): Promise<number>;
}

/** Bytes that are the same everywhere. */
export function sample(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Length and FNV-1a hash: what tells one sample from another. */
export function checksum(bytes: Uint8Array): string {
  let hash = 0x81_1c_9d_c5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01_00_01_93) >>> 0;
  return `${bytes.byteLength}:${hash.toString(16)}`;
}

/** The far end when it is in the same program. */
export function farEnd(link: Link): FarEnd {
  const heard: string[] = [];
  const changed = new Set<() => void>();
  let over: { readonly reason: string | undefined } | undefined;
  const change = () => {
    for (const look of changed) look();
  };
  link.channel.onClose((reason) => {
    over = { reason };
    change();
  });
  const until = (test: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!test()) return;
        changed.delete(look);
        resolve();
      };
      changed.add(look);
      look();
    });
  return {
    async listen() {
      link.channel.receive((message) => {
        heard.push(checksum(message));
        change();
      });
    },
    async send(length, seed) {
      link.channel.send(sample(length, seed));
    },
    async received(count) {
      await until(() => heard.length >= count || over !== undefined);
      return heard.slice(0, Math.max(count, heard.length));
    },
    async close(reason) {
      link.channel.close(reason);
    },
    async ended() {
      await until(() => over !== undefined);
      return over?.reason;
    },
  };
}

/** The far end of a link in the program that serves `control` (far-peer.ts); `peer` is what that end calls this one. */
export function remoteFarEnd(control: string, peer: string): FarEnd {
  const ask = async (method: string, ...args: readonly unknown[]): Promise<unknown> => {
    const response = await fetch(control, { method: "POST", body: JSON.stringify({ peer, method, args }) });
    if (!response.ok) throw new Error(`The far end failed: ${await response.text()}`);
    return (await response.json()) as unknown;
  };
  return {
    listen: async () => void (await ask("listen")),
    send: async (length, seed) => void (await ask("send", length, seed)),
    received: async (count) => (await ask("received", count)) as readonly string[],
    close: async (reason) => void (await ask("close", reason)),
    ended: async () => ((await ask("ended")) as { readonly reason?: string }).reason,
    memory: async () => (await ask("memory")) as number,
  };
}
