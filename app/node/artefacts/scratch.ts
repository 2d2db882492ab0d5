/**
 * An artefact laid out to be run: its notebook, and its workspace in a fresh folder that is removed afterwards. Whoever made it
 * may be anybody. What is not signed, or not right, is not run.
 */
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ArtefactAddress } from "#core/artefact/address.ts";
import { NOTEBOOK_PATH } from "#core/artefact/manifest.ts";
import { WORKSPACE_FOLDER } from "#core/artefact/places.ts";
import type { OpenedArtefact } from "#core/artefact/open.ts";
import { KromaError } from "#core/base/errors.ts";
import { LARGEST_FILE } from "#core/notebook/file-size.ts";
import type { Terminal } from "../cli-error.ts";
import { extract } from "./fetch.ts";
import { openHome } from "./home.ts";
import { introduce, obtain } from "./obtain.ts";
import { stopOnSignals } from "./stopping.ts";

/** Where it was laid out. */
export interface Scratch {
  readonly notebook: string;
  /** The workspace of its cells. */
  readonly folder: string;
  remove(): Promise<void>;
}

/** Gets the artefact and lays it out. `denied` when nobody's signature of it holds. */
export async function openScratch(
  address: ArtefactAddress,
  terminal: Terminal,
  options: { readonly from: readonly string[]; readonly quiet: boolean },
): Promise<Scratch> {
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    const { artefact } = await obtain(home, address, terminal, { ...options, signal: stopping.signal });
    checkRunnable(artefact);
    if (!options.quiet) introduce(artefact, terminal);
    if (!options.quiet)
      terminal.say("its code runs on a copy of its files and sees no others; it can reach the network");
    return await layOut(artefact, stopping.signal);
  } finally {
    home.close();
    stopping.end();
  }
}

function checkRunnable({ manifest, envelopes }: OpenedArtefact): void {
  if (manifest.kind !== "notebook") throw new KromaError("invalid", `A ${manifest.kind} is nothing that can be run.`);
  if (!envelopes.some(({ isValid }) => isValid))
    throw new KromaError(
      "denied",
      "Nobody has signed it, so it is not run. To look at it: kroma fetch CID --output FOLDER",
    );
}

async function layOut(artefact: OpenedArtefact, signal: AbortSignal): Promise<Scratch> {
  const top = await mkdtemp(join(tmpdir(), "kroma-run-"));
  const remove = () => rm(top, { recursive: true, force: true });
  try {
    const folder = join(top, "workspace");
    await mkdir(folder);
    await extract(artefact, folder, WORKSPACE_FOLDER, signal);
    const notebook = join(top, NOTEBOOK_PATH);
    await writeFile(notebook, await artefact.files.whole(NOTEBOOK_PATH, LARGEST_FILE, { signal }));
    return { notebook, folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}
