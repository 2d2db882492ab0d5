/** What publishing a notebook, a model and Kroma itself have in common: who signs, what it was made from, what is written at the end. */
import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readAddress } from "#core/artefact/address.ts";
import type { MountedFolder } from "#core/artefact/directory.ts";
import type { Author } from "#core/artefact/manifest.ts";
import { openArtefact } from "#core/artefact/open.ts";
import { publishVersion, type ArtefactParts, type Forerunner } from "#core/artefact/publish.ts";
import { fitName } from "#core/mesh/identity.ts";
import { exportCar } from "#core/store/car.ts";
import type { BlockStore } from "#core/store/stores.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { counted, sizeText } from "./arguments.ts";
import { openHome, type Home } from "./home.ts";
import { stopOnSignals } from "./stopping.ts";

/** Where and how something is published. */
export interface Publishing {
  readonly home: Home;
  readonly signal: AbortSignal;
  readonly car: string | undefined;
  readonly say: (line: string) => void;
  readonly terminal: Terminal;
  /** The latest publication, when what it comes from was not said. */
  readonly last?: Forerunner | undefined;
  /** Makes the copy of Kroma that goes along. */
  readonly copy?: ((store: BlockStore) => Promise<MountedFolder>) | undefined;
  /** Makes the folder with the Linux image that goes along. */
  readonly linux?: ((store: BlockStore) => Promise<MountedFolder>) | undefined;
}

/** Makes the blocks, signs and pins them, writes the root's CID to standard output and the rest beside; the exit status. */
export async function publishParts(
  parts: ArtefactParts,
  author: Author | undefined,
  { home, signal, car, say, terminal, copy, linux, last }: Publishing,
): Promise<number> {
  const signer = await home.signer(fitName(author?.name ?? ""));
  const published = await home.writing(async () => {
    const folders = copy ? [await copy(home.blocks)] : [];
    for (const { bytes } of folders) say(`takes a copy of Kroma along (${sizeText(bytes)})`);
    if (linux) {
      const image = await linux(home.blocks);
      say(`takes the Linux image along (${sizeText(image.bytes)})`);
      folders.push(image);
    }
    const made = await publishVersion({ ...parts, folders }, last, home.blocks, signer, {
      signal,
      known: { envelopes: (root) => home.envelopes.of(root), signatures: await openSignatures() },
    });
    await home.envelopes.add(made.root, made.envelope);
    await home.pins.add(made.directory, `${parts.title} ${parts.version}`);
    return made;
  });
  if (car !== undefined) {
    await writeCarFile(car, exportCar([published.root, published.directory], home.blocks));
    say(`wrote ${car}`);
  }
  say(
    `published ${counted(parts.content.length, "file")}, ${sizeText(published.bytes)}, signed by ${signer.identity.name}`,
  );
  say(`directory, for gateways and pins: ${published.directory}`);
  say(`signature: ${published.envelope}`);
  if (parts.kind === "model") {
    await home.models.add({ cid: published.root, path: "" });
    say(`load it: kroma.ml.load("ipfs://${published.root}")`);
  }
  terminal.out(`${published.root}\n`);
  return 0;
}

/** Does it with the home folder open, until it is done or a signal stops it. */
export async function withHome(work: (home: Home, signal: AbortSignal) => Promise<number>): Promise<number> {
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    return await work(home, stopping.signal);
  } finally {
    stopping.end();
    home.close();
  }
}

/** Writes a stream to a file so that a whole one is there or none. */
export async function writeCarFile(path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const beside = `${path}.${process.pid}.part`;
  try {
    await pipeline(Readable.from(bytes), createWriteStream(beside, { flags: "wx" }));
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/** "Ada", or "Ada <ada@example.org>". */
export function authorOf(text: string): Author {
  const [, name, email] = /^(.*?)\s*<([^<>\s]+@[^<>\s]+)>$/.exec(text.trim()) ?? [];
  if (name !== undefined && name !== "" && email !== undefined) return { name, email };
  if (text.trim() === "") throw new UsageError("publish: --author needs a name");
  return { name: text.trim() };
}

/** Roots of the parents, by whatever name they were given. */
export async function parentsOf(texts: readonly string[], home: Home): Promise<readonly string[]> {
  const roots: string[] = [];
  for (const text of texts) {
    const address = readAddress(text);
    if (!address) throw new UsageError(`publish: --parent ${text.slice(0, 100)} is no CID and no link with one in it`);
    roots.push((await openArtefact(address.cid, home.blocks, { signatures: await openSignatures() })).root);
  }
  return [...new Set(roots)];
}
