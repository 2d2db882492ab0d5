/** `kroma name`: what one's own name stands for, and what others' names do (IPNS). */
import { isPeerAddress } from "#core/artefact/address.ts";
import { DAYS, Names } from "#plugins/names/names.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { oneAddress, readArguments } from "./arguments.ts";
import { openHome, type Home } from "./home.ts";
import { openNamePeers } from "./name-peers.ts";
import { stopOnSignals } from "./stopping.ts";

const MOST_DAYS = 3650;

/** Does what the first argument says; the answer is the exit status. */
export async function nameVerb(args: readonly string[], terminal: Terminal): Promise<number> {
  const [what, ...rest] = args;
  if (what === "publish") return publishName(rest, terminal);
  if (what === "resolve") return resolveName(rest, terminal);
  throw new UsageError("name: what with it? kroma name publish CID, or kroma name resolve NAME");
}

/** From now on one's name stands for that CID. The name is the only line of standard output. */
async function publishName(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("name publish", args, {
    to: { type: "string", multiple: true },
    days: { type: "string" },
  });
  const { cid } = oneAddress("name publish", positionals);
  const days = Number(values.days ?? DAYS);
  if (!Number.isInteger(days) || days < 1 || days > MOST_DAYS)
    throw new UsageError(`name publish: --days takes a number from 1 to ${MOST_DAYS}, not "${values.days}"`);
  const peer = values.to?.find(isPeerAddress);
  if (peer !== undefined)
    throw new UsageError(`name publish: --to takes web addresses, not "${peer}": peers ask by themselves`);
  const servers = serversOf(values.to).filter((address) => !isPeerAddress(address));
  return withNames(async (names, signal) => {
    const { name, sequence, failures } = await names.publish(cid, servers, signal, days);
    for (const failure of failures) terminal.say(failure);
    const alone = servers.length === 0 ? "; nobody was told: see --to" : "";
    terminal.say(`version ${sequence} of the name, good for ${days} days${alone}`);
    terminal.out(`${name}\n`);
    return failures.length === 0 ? 0 : 1;
  });
}

/** What a name stands for is the only line of standard output; a newer version is told, and taken only with --accept. */
async function resolveName(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("name resolve", args, {
    from: { type: "string", multiple: true },
    accept: { type: "boolean" },
  });
  const [text, ...rest] = positionals;
  if (text === undefined || rest.length > 0) throw new UsageError("name resolve: which one? One name, like k51…");
  const from = serversOf(values.from);
  const servers = from.filter((address) => !isPeerAddress(address));
  return withNames(async (names, signal) => {
    const { name, accepted, newest, hasNews, failures } = await names.follow(text, servers, signal);
    for (const failure of failures) terminal.say(failure);
    if (newest !== undefined && hasNews && values.accept === true) {
      await names.accept(name, newest);
      terminal.say(`from now on in place of ${accepted}`);
      terminal.out(`${newest}\n`);
      return 0;
    }
    if (newest !== undefined && hasNews) terminal.say(`there is a newer version: ${newest} (to take it: --accept)`);
    if (newest === undefined)
      terminal.say("nobody vouches for this any more: the time of what is known of the name is over");
    terminal.out(`${accepted}\n`);
    return 0;
  }, from.filter(isPeerAddress));
}

/** `peers` are addresses of those who are asked beside the servers. */
async function withNames(
  work: (names: Names, signal: AbortSignal) => Promise<number>,
  peers: readonly string[] = [],
): Promise<number> {
  const stopping = stopOnSignals();
  const home: Home = openHome();
  const { ask, close } = openNamePeers(peers);
  try {
    const names = new Names({ book: home.names, now: Date.now, self: () => home.signer(), askPeers: ask });
    return await work(names, stopping.signal);
  } finally {
    await close();
    stopping.end();
    home.close();
  }
}

/** Those that were named, else those of the environment. */
function serversOf(named: readonly string[] | undefined): readonly string[] {
  return named ?? (process.env["KROMA_NAME_SERVERS"] ?? "").split(/\s+/).filter((part) => part !== "");
}
