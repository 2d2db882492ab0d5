/**
 * A Linux image under a CID (what `kroma vm export` prints): a UnixFS directory whose blocks come from trustless gateways, the
 * first that has one. Anybody may have made it, and any gateway may lie: each block is checked against its CID.
 */
import { concatenate } from "#core/base/bytes.ts";
import { KromaError } from "#core/base/errors.ts";
import { listFiles, readFile } from "#core/artefact/unixfs.ts";
import { codecOf, parseCid } from "#core/store/cid.ts";
import { SeveralSources } from "#core/store/fetch-blocks.ts";
import { GatewaySource } from "#core/store/gateway.ts";
import type { BlockSource } from "#core/store/stores.ts";
import { keptBytes } from "./image-cache.ts";
import { HOW_TO_BUILD, type ImageSource } from "./image-source.ts";

/** Most bytes of a manifest. */
const MANIFEST = 4 * 1024 * 1024;

/** The image under `cid` ("bafy…" or "ipfs://bafy…"), from gateways at these addresses. Its manifest never changes. */
export function publishedImage(cid: string, gateways: readonly string[]): ImageSource {
  const root = parseCid(
    cid
      .trim()
      .replace(/^ipfs:\/\//, "")
      .replace(/\/$/, ""),
  ).toString();
  if (gateways.length === 0)
    throw new KromaError("missing", "The Linux image goes by a CID, and Settings names no gateway to ask for it.");
  const source = withNodes(new SeveralSources(gateways.map((address) => new GatewaySource(address))));
  let files: Promise<ReadonlyMap<string, string>> | undefined;
  const listed = async (): Promise<ReadonlyMap<string, string>> =>
    new Map((await listFiles(root, source)).map(({ path, cid: file }) => [path, file]));
  const keptAs = `manifest?${root}`;
  const image: ImageSource = {
    keptAs,
    async manifest() {
      const kept = await keptBytes(keptAs);
      if (kept) return new TextDecoder().decode(kept);
      const pieces: Uint8Array[] = [];
      let size = 0;
      for await (const piece of image.read("manifest.json")) {
        size += piece.length;
        if (size > MANIFEST) throw new KromaError("corrupt", `There is no Linux image under ${root}.`);
        pieces.push(piece);
      }
      return new TextDecoder().decode(concatenate(pieces));
    },
    async *read(file) {
      files ??= listed().catch((error: unknown) => {
        // The next one asks again.
        files = undefined;
        throw error;
      });
      const found = (await files).get(file);
      if (found === undefined)
        throw new KromaError("missing", `The Linux image under ${root} has no ${file}. ${HOW_TO_BUILD}`);
      yield* readFile(found, source);
    },
  };
  return image;
}

/** Asks once for blocks that name others: each file's way leads through the same ones. */
function withNodes(source: BlockSource): BlockSource {
  const nodes = new Map<string, Uint8Array>();
  return {
    async get(cid, options) {
      const known = nodes.get(cid);
      if (known) return known;
      const bytes = await source.get(cid, options);
      if (bytes && codecOf(cid) !== "raw") nodes.set(cid, bytes);
      return bytes;
    },
  };
}
