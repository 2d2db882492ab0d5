/**
 * What a mirror keeps of what was published: blocks in a folder, and beside them pins, signatures, requests and names. Apart from
 * the notebooks that it keeps, for all of this is public.
 */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { EnvelopeIndex } from "#core/artefact/envelope-index.ts";
import { KromaError } from "#core/base/errors.ts";
import type { Clock } from "#core/mesh/clock.ts";
import { importCar, type ImportedCar } from "#core/store/car.ts";
import { parseCid, storedName } from "#core/store/cid.ts";
import { fetchBlocks } from "#core/store/fetch-blocks.ts";
import { collectGarbage, Pins } from "#core/store/pins.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { walkBlocks, WALK_LIMITS } from "#core/store/walk.ts";
import { FolderBlockStore } from "#plugins/folder/block-store.node.ts";
import { NameBook } from "#plugins/names/book.ts";
import { SqliteStores } from "#plugins/sqlite/stores.node.ts";
import { type PeerBlocks, sourceOfOrigins } from "./origins.ts";
import { PinRequests } from "./pin-requests.ts";
import { GarbageTurns } from "./garbage.ts";
import { Tokens, type TokenHolder } from "./tokens.ts";

export interface Published {
  readonly blocks: BlockStore;
  readonly envelopes: EnvelopeIndex;
  readonly names: NameBook;
  readonly tokens: Tokens;
  readonly requests: PinRequests;
  /** True for what the owner of the mirror does not give: CIDs in `denied.txt`. */
  readonly isDenied: (storedName: string) => boolean;
  /** Takes the blocks of a CAR file that a holder sends, and keeps them for a day unless they are pinned; also those before a break. */
  take(stream: AsyncIterable<Uint8Array>, holder: TokenHolder, signal: AbortSignal): Promise<ImportedCar>;
  close(): Promise<void>;
}

export interface PublishedOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** True: others than this machine may ask. */
  readonly isOpen: boolean;
  /** Peers that may have blocks, once there are any. */
  readonly peers?: () => PeerBlocks | undefined;
  /** Garbage could not be collected; everything is kept. */
  readonly onFailure: (error: unknown) => void;
}

const UPLOADS = "uploads";
/** What was sent and not pinned goes after so long, in milliseconds. */
const KEPT_UPLOADS = 24 * 3_600_000;
const uploadSchema = v.object({
  roots: v.array(v.string()),
  bytes: v.number(),
  until: v.number(),
  isWhole: v.optional(v.boolean(), true),
});

/** Opens the folder, and makes it when it isn't there. A KromaError says what is wrong with it. */
export async function openPublished({ folder, clock, isOpen, peers, onFailure }: PublishedOptions): Promise<Published> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const blocks = new FolderBlockStore(join(folder, "blocks"));
  const stores = new SqliteStores(join(folder, "published.db"));
  const { documents } = stores;
  const [pins, envelopes, tokens] = [
    new Pins(documents, () => blocks.settle()),
    new EnvelopeIndex(documents),
    new Tokens(folder),
  ];
  const denied = readDenied(join(folder, "denied.txt"));

  const uploads = async () =>
    (await documents.loadRange([UPLOADS])).map(([key, bytes]) => ({
      key,
      ...v.parse(uploadSchema, JSON.parse(new TextDecoder().decode(bytes))),
    }));
  const garbage = new GarbageTurns(async () => {
    const all = await uploads();
    const [kept, over] = [
      all.filter(({ until }) => until >= clock.now()),
      all.filter(({ until }) => until < clock.now()),
    ];
    await documents.write({ remove: over.map(({ key }) => key) });
    await collectGarbage(
      blocks,
      pins,
      kept.flatMap(({ roots }) => roots),
    );
  }, onFailure);
  const requests = new PinRequests(
    documents,
    {
      bring: (cid, source, most, signal) =>
        garbage.adding(async () => {
          const limits = { ...WALK_LIMITS, bytes: Math.min(most, WALK_LIMITS.bytes) };
          if (source) await fetchBlocks([cid], blocks, source, { signal, limits });
          // Also what was here before counts, and an envelope in it is worth knowing of.
          let size = 0;
          for await (const block of walkBlocks([cid], blocks, { signal, limits })) {
            size += block.bytes.length;
            await envelopes.notice(block);
          }
          return size;
        }),
      sourceOf: (origins) => sourceOfOrigins(origins, isOpen, peers?.()),
      pin: (cid, name) => pins.add(cid, name),
      async unpin(cid) {
        await pins.remove(cid);
        garbage.want();
      },
      waitingBytes: async (holder) =>
        (await uploads())
          .filter(({ key, until }) => key[1] === holder && until >= clock.now())
          .reduce((sum, { bytes }) => sum + bytes, 0),
      quotaOf: async (holder) => (await tokens.list()).find(({ name }) => name === holder)?.quota ?? 0,
    },
    clock,
  );
  garbage.want();
  await requests.start();
  return {
    blocks,
    envelopes,
    names: new NameBook(documents),
    tokens,
    requests,
    isDenied: (name) => denied.has(name),
    take: (stream, holder, signal) =>
      garbage.adding(async () => {
        const left = holder.quota - (await requests.usage(holder.name));
        if (left <= 0) throw new KromaError("exhausted", "You keep as much here as you may.");
        const limits = { blocks: WALK_LIMITS.blocks, bytes: left };
        let roots: readonly string[] | undefined;
        let bytes = 0;
        const keep = async (isWhole: boolean): Promise<void> => {
          const key = [UPLOADS, holder.name, roots?.join(",") || String(clock.now())];
          // What came before a break is added to; the same sent again as a whole is not.
          const before = (await uploads()).find((upload) => !upload.isWhole && upload.key.join() === key.join());
          const sum = bytes + (before?.bytes ?? 0);
          const upload = { roots: roots ?? [], bytes: sum, until: clock.now() + KEPT_UPLOADS, isWhole };
          await documents.write({ put: [[key, new TextEncoder().encode(JSON.stringify(upload))]] });
        };
        const taken = await importCar(stream, blocks, {
          signal,
          limits,
          opened: (said) => (roots = said),
          async came(block) {
            bytes += block.bytes.length;
            await envelopes.notice(block);
          },
        }).catch(async (error: unknown) => {
          // What came before it broke off need not be sent again. What was too much, or no CAR file, is nobody's.
          const isCut = error instanceof KromaError ? error.code === "aborted" : bytes > 0;
          if (isCut && roots && roots.length > 0 && bytes > 0) await keep(false);
          else garbage.want();
          throw error;
        });
        await keep(true);
        requests.wake();
        return taken;
      }),
    async close() {
      requests.close();
      await garbage.ended();
      stores.close();
    },
  };
}

/** CIDs, one a line; what follows a blank is for people. */
function readDenied(path: string): ReadonlySet<string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return new Set();
    throw error;
  }
  const lines = text.split("\n").map((line) => line.trim().split(/\s/, 1)[0] ?? "");
  return new Set(
    lines.filter((line) => line !== "" && !line.startsWith("#")).map((line) => storedName(parseCid(line).toString())),
  );
}
