/** Gets an artefact for a verb: out of the home folder, and from others what is not there yet. */
import type { ArtefactAddress } from "#core/artefact/address.ts";
import { fetchArtefact, type FetchedArtefact } from "#core/artefact/fetch.ts";
import { licenceWords } from "#core/artefact/licence.ts";
import { openArtefact, type OpenedArtefact } from "#core/artefact/open.ts";
import { KromaError } from "#core/base/errors.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import type { Terminal } from "../cli-error.ts";
import { sizeText } from "./arguments.ts";
import type { Home } from "./home.ts";
import { openSources, type OpenSources } from "./sources.ts";

export interface ObtainOptions {
  readonly from: readonly string[];
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/** How often progress is told, in milliseconds. */
const TELL = 2000;

/** The artefact is in the home folder, whole, and pinned there, when this resolves. */
export async function obtain(
  home: Home,
  address: ArtefactAddress,
  terminal: Terminal,
  options: ObtainOptions,
): Promise<FetchedArtefact> {
  const { signal, quiet } = options;
  const sources = await openSources(options.from, address.from);
  let told = performance.now();
  try {
    return await home.writing(async () => {
      const fetched = await fetchArtefact(address, home.blocks, sources, {
        signatures: await openSignatures(),
        index: home.envelopes,
        signal,
        progress({ blocks, waiting, bytes }) {
          if (quiet || performance.now() - told < TELL) return;
          told = performance.now();
          terminal.say(`${blocks} blocks, ${sizeText(bytes)}; ${waiting} known to come`);
        },
      });
      const { root, manifest } = fetched.artefact;
      await home.pins.add(fetched.directory ?? root, `${manifest.title} ${manifest.version}`);
      return fetched;
    });
  } catch (error) {
    throw withAdvice(error, sources);
  } finally {
    await sources.close();
  }
}

/** What went wrong; when something is missing and there was nobody to ask, with the way to name somebody. */
export function withAdvice(error: unknown, { areAny }: OpenSources): unknown {
  if (!(error instanceof KromaError) || error.code !== "missing" || areAny) return error;
  const sentence = `${error.message} Say where it can be had: --from ADDRESS, or KROMA_GATEWAYS.`;
  return new KromaError("missing", sentence, { cause: error });
}

/** How an artefact that is here calls itself; undefined for everything else. */
export async function nameOf(home: Home, cid: string): Promise<string | undefined> {
  try {
    const { manifest } = await openArtefact(cid, home.blocks, { signatures: await openSignatures() });
    return `${manifest.title} ${manifest.version}`;
  } catch (error) {
    if (error instanceof KromaError) return undefined;
    throw error;
  }
}

/** Tells whose it is, and what it asks for. */
export function introduce({ manifest, envelopes }: OpenedArtefact, terminal: Terminal): void {
  const authors = manifest.authors.map(({ name }) => name).join(", ");
  terminal.say(
    `"${manifest.title}" ${manifest.version}${authors === "" ? "" : `, by ${authors}`} (${licenceWords(manifest.licence)})`,
  );
  for (const { author, isValid } of envelopes) {
    const who = author.name ?? "somebody without a name";
    terminal.say(isValid ? `signed by ${who}` : `a signature in the name of ${who} does NOT hold`);
  }
  if (envelopes.length === 0) terminal.say("nobody has signed it");
  for (const power of manifest.capabilities) terminal.say(`it asks for: ${power}`);
}
