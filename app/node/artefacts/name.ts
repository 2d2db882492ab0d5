/** `kroma name`: what one's own name stands for, and what others' names do (IPNS). */
import { KromaError } from "#core/base/errors.ts";
import { makeRecord, nameOf, parseName, readRecord, type NameRecord } from "#plugins/names/record.ts";
import { fetchRecord, sendRecord } from "#plugins/names/routing.ts";
import { type Terminal, UsageError } from "../cli-error.ts";
import { oneAddress, readArguments } from "./arguments.ts";
import { openHome, type Home } from "./home.ts";
import { stopOnSignals } from "./stopping.ts";

const DAY = 86_400_000;
/** A record is good for so long; whoever publishes less often makes it longer. */
const DAYS = 90;
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
  const servers = serversOf(values.to);
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    const now = Date.now();
    const signer = await home.signer();
    const name = nameOf(signer.identity);
    // Also what another machine of one's own may have published since.
    await learn(home, name, servers, now, terminal, stopping.signal);
    const sequence = ((await home.names.sequence(name)) ?? -1n) + 1n;
    const bytes = await makeRecord(signer, { value: cid, sequence, validUntil: new Date(now + days * DAY) });
    await home.names.offer(name, bytes, now);
    const record = await readRecord(name, bytes, now);
    const failed = await sendAll(record, servers, terminal, stopping.signal);
    terminal.say(
      `version ${sequence} of the name, good for ${days} days${servers.length === 0 ? "; nobody was told: see --to" : ""}`,
    );
    terminal.out(`${name}\n`);
    return failed === 0 ? 0 : 1;
  } finally {
    stopping.end();
    home.close();
  }
}

/** What a name stands for is the only line of standard output; a newer version is told, and taken only with --accept. */
async function resolveName(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments("name resolve", args, {
    from: { type: "string", multiple: true },
    accept: { type: "boolean" },
  });
  const [text, ...rest] = positionals;
  if (text === undefined || rest.length > 0) throw new UsageError("name resolve: which one? One name, like k51…");
  const name = parseName(text.replace(/^(?:ipns:\/\/|\/ipns\/)/, "").replace(/\/+$/, ""));
  const servers = serversOf(values.from);
  const stopping = stopOnSignals();
  const home = openHome();
  try {
    const now = Date.now();
    await learn(home, name, servers, now, terminal, stopping.signal);
    const { accepted, newest, hasNews } = await home.names.followed(name, now);
    if (newest && (accepted === undefined || values.accept === true)) {
      await home.names.accept(name, newest.value);
      if (accepted !== undefined && hasNews)
        terminal.say(`from now on version ${newest.sequence}, in place of ${accepted}`);
      terminal.out(`${newest.value}\n`);
      return 0;
    }
    if (accepted === undefined)
      throw new KromaError("missing", "Nobody who was asked knows this name. Say who may: --from ADDRESS.");
    if (newest && hasNews) terminal.say(`there is a newer version: ${newest.value} (to take it: --accept)`);
    if (!newest) terminal.say("nobody vouches for this any more: the time of what is known of the name is over");
    terminal.out(`${accepted}\n`);
    return 0;
  } finally {
    stopping.end();
    home.close();
  }
}

/** Asks the servers what they know; the book keeps the newest. */
async function learn(
  home: Home,
  name: string,
  servers: readonly string[],
  now: number,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  for (const server of servers) {
    try {
      const record = await fetchRecord(server, name, now, signal);
      if (record) await home.names.offer(name, record.bytes, now);
    } catch (error) {
      if (!(error instanceof KromaError) || error.code === "aborted" || error.code === "invalid") throw error;
      terminal.say(error.message);
    }
  }
}

async function sendAll(
  record: NameRecord,
  servers: readonly string[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  let failed = 0;
  for (const server of servers) {
    try {
      await sendRecord(server, record, signal);
    } catch (error) {
      if (!(error instanceof KromaError) || error.code === "aborted") throw error;
      failed += 1;
      terminal.say(error.message);
    }
  }
  return failed;
}

/** Those that were named, else those of the environment. */
function serversOf(named: readonly string[] | undefined): readonly string[] {
  return named ?? (process.env["KROMA_NAME_SERVERS"] ?? "").split(/\s+/).filter((part) => part !== "");
}
