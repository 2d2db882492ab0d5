/** `kroma verify`: whether all of an artefact is what its CID says, and whether its signatures hold. */
import { needAddress, readAddress } from "#core/artefact/address.ts";
import { checkedSource, openArtefact, type OpenedArtefact } from "#core/artefact/open.ts";
import { KromaError } from "#core/base/errors.ts";
import { memberIdOf } from "#core/mesh/identity.ts";
import { SeveralSources } from "#core/store/fetch-blocks.ts";
import type { NamedSource } from "#core/store/gateway.ts";
import { walkBlocks } from "#core/store/walk.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { counted, readArguments, sizeText } from "./arguments.ts";
import { openHome, type Home } from "./home.ts";
import { openCarFile, openSources } from "./sources.ts";
import { stopOnSignals } from "./stopping.ts";

/**
 * Verifies it; the exit status is 0 only if every block is there and right, there is a signature, and all found hold: both halves
 * of each. 1 when it does not hold, 2 when nothing can be said.
 */
export async function verify(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("verify", args, {
    from: { type: "string", multiple: true },
    quiet: { type: "boolean", short: "q" },
  });
  const [what, ...rest] = positionals;
  if (what === undefined) throw new UsageError("verify: which one? Usage: kroma verify CID|FILE.car");
  if (rest.length > 0) throw new UsageError(`verify: one at a time, not also ${rest.join(" ")}`);
  const stopping = stopOnSignals();
  const home = openHome();
  let close = async (): Promise<void> => undefined;
  try {
    const { cid, source, end } = await openWhat(what, values.from ?? [], home);
    close = end;
    const artefact = await openArtefact(cid, source, {
      signatures: await openSignatures(),
      envelopes: (root) => source.envelopes?.(root) ?? Promise.resolve([]),
      signal: stopping.signal,
    });
    return await report(artefact, source, values.quiet === true, terminal, stopping.signal);
  } catch (error) {
    if (!(error instanceof KromaError) || !["corrupt", "missing"].includes(error.code)) throw error;
    const verdict = error.code === "missing" ? "not all of it is to be had" : "it does not hold";
    terminal.say(`verify: ${verdict}. ${error.message}`);
    return 1;
  } finally {
    await close();
    stopping.end();
    home.close();
  }
}

async function report(
  artefact: OpenedArtefact,
  source: NamedSource,
  quiet: boolean,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const { root, manifest, envelopes, files } = artefact;
  let [blocks, bytes] = [0, 0];
  const roots = [root, ...envelopes.map(({ cid }) => cid)];
  for await (const block of walkBlocks(roots, checkedSource(source), { signal })) {
    blocks += 1;
    bytes += block.bytes.length;
  }
  // Every name and every length in it, too.
  const names = await files.list({ signal });
  for (const { path } of names) for await (const _ of files.read(path, { signal }));
  if (!quiet) {
    terminal.say(
      `"${manifest.title}" ${manifest.version}: ${counted(names.length, "file")} in ${counted(blocks, "block")}, ${sizeText(bytes)}, as its CID says`,
    );
  }
  let holds = envelopes.length > 0;
  if (!holds) terminal.say("verify: there is no signature of it here");
  for (const { author, isValid } of envelopes) {
    const who = `${author.name ?? "somebody without a name"}, ${await memberIdOf(author)}`;
    if (!isValid) {
      holds = false;
      terminal.say(`verify: the signature in the name of ${who} does not hold`);
    } else if (!quiet) terminal.say(`signed by ${who}: both signatures hold`);
  }
  if (!holds) return 1;
  terminal.out(`${root}\n`);
  return 0;
}

/** What is to be verified, and where its blocks are: a CAR file, or the home folder and who else is named. */
async function openWhat(
  what: string,
  from: readonly string[],
  home: Home,
): Promise<{ readonly cid: string; readonly source: NamedSource; end(): Promise<void> }> {
  if (!readAddress(what)) {
    if (!/\.car$/i.test(what)) needAddress(what);
    const file = await openCarFile(what);
    const [root] = file.roots;
    if (root === undefined) {
      await file.close();
      throw new UsageError(`${what}: names no root, so there is nothing to verify`);
    }
    return { cid: root, source: file, end: () => file.close() };
  }
  const address = needAddress(what);
  const others = await openSources(from, address.from);
  const own: NamedSource = {
    name: home.folder,
    get: (cid) => home.blocks.get(cid),
    envelopes: async (root) => [
      ...(address.envelope === undefined ? [] : [address.envelope]),
      ...(await home.envelopes.of(root)),
    ],
  };
  return { cid: address.cid, source: new SeveralSources([own, others]), end: () => others.close() };
}
