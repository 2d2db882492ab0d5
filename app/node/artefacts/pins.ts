/** `kroma pin`, `unpin` and `pins`: what the home folder keeps. */
import type { ArtefactAddress } from "#core/artefact/address.ts";
import { readPublished } from "#core/artefact/directory.ts";
import { openArtefact } from "#core/artefact/open.ts";
import { KromaError } from "#core/base/errors.ts";
import { codecOf } from "#core/store/cid.ts";
import { fetchBlocks, KeptSource } from "#core/store/fetch-blocks.ts";
import type { Pin } from "#core/store/pins.ts";
import { walkBlocks, WALK_LIMITS } from "#core/store/walk.ts";
import { openSignatures } from "#plugins/identity/signatures.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { counted, oneAddress, readArguments, sizeText } from "./arguments.ts";
import { openHome, type Home } from "./home.ts";
import { obtain, withAdvice } from "./obtain.ts";
import { openService, pinAtService, unpinAtService } from "./remote-pin.ts";
import { openSources } from "./sources.ts";
import { stopOnSignals } from "./stopping.ts";

/** Pins an artefact, or anything else by its CID, and gets what of it is not here; the answer is the exit status. */
export async function pin(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("pin", args, {
    from: { type: "string", multiple: true },
    name: { type: "string" },
    service: { type: "string" },
    "token-file": { type: "string" },
    quiet: { type: "boolean", short: "q" },
  });
  const address = oneAddress("pin", positionals);
  const service = values.service === undefined ? undefined : await openService(values.service, values["token-file"]);
  const [from, quiet] = [values.from ?? [], values.quiet === true];
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    const pinned = (await isArtefact(home, address, from, stopping.signal))
      ? await pinArtefact(home, address, terminal, { from, quiet, signal: stopping.signal, name: values.name })
      : await pinBlocks(home, address, from, values.name, stopping.signal);
    if (service) {
      const name = values.name ?? (await home.pins.list()).find(({ cid }) => cid === pinned)?.name;
      const wish = { cid: pinned, ...(name === undefined ? {} : { name }) };
      await pinAtService(
        service,
        wish,
        home.blocks,
        quiet ? { ...terminal, say: () => undefined } : terminal,
        stopping.signal,
      );
      if (!quiet) terminal.say(`pinned at ${service.name}`);
    }
    terminal.out(`${pinned}\n`);
    return 0;
  } finally {
    stopping.end();
    home.close();
  }
}

/** Unpins it, and removes the blocks that nothing else keeps; the exit status is 1 when it was not pinned. */
export async function unpin(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("unpin", args, {
    service: { type: "string" },
    "token-file": { type: "string" },
    quiet: { type: "boolean", short: "q" },
  });
  const address = oneAddress("unpin", positionals);
  const service = values.service === undefined ? undefined : await openService(values.service, values["token-file"]);
  const home = openHome();
  try {
    const pins = await pinsOf(home, address);
    if (service) return await unpinAtService(service, [address.cid, ...pins.map(({ cid }) => cid)], terminal);
    if (pins.length === 0) {
      terminal.say(`unpin: ${address.cid} is not pinned`);
      return 1;
    }
    for (const { cid } of pins) await home.pins.remove(cid);
    const { removed } = await home.collect();
    if (values.quiet !== true) terminal.say(`unpinned; ${counted(removed, "block")} that nothing else keeps went`);
    return 0;
  } finally {
    home.close();
  }
}

/** Lists the pins, a line each: CID and name; with --long also how much is below it. The answer is the exit status. */
export async function pins(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("pins", args, {
    long: { type: "boolean", short: "l" },
    service: { type: "string" },
    "token-file": { type: "string" },
  });
  if (positionals.length > 0) throw new UsageError("pins: takes no names; to pin something: kroma pin CID");
  if (values.service !== undefined) {
    const service = await openService(values.service, values["token-file"]);
    for (const { cid, status, name = "" } of await service.list())
      terminal.out(`${cid}\t${status}\t${oneLine(name)}\n`);
    return 0;
  }
  const home = openHome();
  try {
    for (const { cid, name = "" } of await home.pins.list()) {
      const size = values.long === true ? `\t${await described(home, cid)}` : "";
      terminal.out(`${cid}${size}\t${oneLine(name)}\n`);
    }
    return 0;
  } finally {
    home.close();
  }
}

async function isArtefact(
  home: Home,
  address: ArtefactAddress,
  from: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const sources = await openSources(from, address.from);
  try {
    await openArtefact(address.cid, new KeptSource(home.blocks, sources), {
      signatures: await openSignatures(),
      signal,
    });
    return true;
  } catch (error) {
    if (error instanceof KromaError && error.code === "invalid") return false;
    throw withAdvice(error, sources);
  } finally {
    await sources.close();
  }
}

async function pinArtefact(
  home: Home,
  address: ArtefactAddress,
  terminal: Terminal,
  options: Parameters<typeof obtain>[3] & { readonly name: string | undefined },
): Promise<string> {
  const { artefact, directory } = await obtain(home, address, terminal, options);
  const pinned = directory ?? artefact.root;
  if (options.name !== undefined) await home.pins.add(pinned, options.name);
  return pinned;
}

async function pinBlocks(
  home: Home,
  address: ArtefactAddress,
  from: readonly string[],
  name: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const sources = await openSources(from, address.from);
  try {
    await home.writing(async () => {
      await fetchBlocks([address.cid], home.blocks, sources, { signal });
      await home.pins.add(address.cid, name);
    });
    return address.cid;
  } catch (error) {
    throw withAdvice(error, sources);
  } finally {
    await sources.close();
  }
}

/** The pins that a CID means: its own, or those of the directories that an artefact was published as. */
async function pinsOf(home: Home, { cid }: ArtefactAddress): Promise<readonly Pin[]> {
  if (await home.pins.has(cid)) return [{ cid }];
  const root = await openArtefact(cid, home.blocks, { signatures: await openSignatures() }).then(
    (artefact) => artefact.root,
    (error: unknown) => {
      if (error instanceof KromaError) return cid;
      throw error;
    },
  );
  const found: Pin[] = [];
  for (const pinned of await home.pins.list()) {
    if (pinned.cid === root || (await rootOf(home, pinned.cid)) === root) found.push(pinned);
  }
  return found;
}

/** The root of a published directory; undefined for everything else. */
async function rootOf(home: Home, cid: string): Promise<string | undefined> {
  if (codecOf(cid) !== "dag-pb" || !(await home.blocks.has(cid))) return undefined;
  return (await readPublished(cid, home.blocks))?.root;
}

async function described(home: Home, cid: string): Promise<string> {
  let [blocks, bytes] = [0, 0];
  const limits = { ...WALK_LIMITS, bytes: Number.POSITIVE_INFINITY, blocks: Number.POSITIVE_INFINITY };
  try {
    for await (const block of walkBlocks([cid], home.blocks, { limits })) {
      blocks += 1;
      bytes += block.bytes.length;
    }
    return `${counted(blocks, "block")}, ${sizeText(bytes)}`;
  } catch (error) {
    if (!(error instanceof KromaError)) throw error;
    return `incomplete: ${error.message}`;
  }
}

/** A name is a stranger's text: on a terminal it must not be more than a line. */
const oneLine = (name: string): string => name.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
