/**
 * One's own name and those that one follows: what is known of them is kept in a book; servers are asked and told over HTTP, and
 * peers are asked, who are never told (rules N3 to N9 of core/artefact/SPEC.md).
 */
import { isPeerAddress } from "#core/artefact/address.ts";
import { KromaError } from "#core/base/errors.ts";
import type { NameSigner } from "#core/mesh/identity.ts";
import type { Asked, FollowedName, NameAccess, OwnName } from "#kit/names.ts";
import type { NameBook } from "./book.ts";
import type { PeersAsked, PeersToAsk } from "./peers.ts";
import { readName } from "./link.ts";
import { makeRecord, nameOf, parseName, readRecord } from "./record.ts";
import { fetchRecord, sendRecord } from "./routing.ts";

const DAY = 86_400_000;
/** A record is good for so long; who is away for longer has to publish again. */
export const DAYS = 90;
/** One's own record is made anew when no more than so many days are left. */
const RENEW_DAYS = 30;

/** Asks those peers who may be asked, and those at the addresses. */
export type AskPeers = (name: string, asked: Omit<PeersToAsk, "peers" | "patience">) => Promise<PeersAsked>;

export interface NamesOptions {
  readonly book: NameBook;
  readonly now: () => number;
  /** Who publishes here; undefined while nobody does. */
  readonly self: () => Promise<NameSigner | undefined>;
  /** Without it no peers are asked. */
  readonly askPeers?: AskPeers;
}

/** One time of asking for names, and who is not asked again in it. */
interface Round {
  readonly servers: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly refused: Set<string>;
  /** Why peers can't be asked from here, once it is known. */
  trouble?: string;
}

export class Names implements NameAccess {
  readonly #book: NameBook;
  readonly #now: () => number;
  readonly #self: NamesOptions["self"];
  readonly #askPeers: AskPeers | undefined;

  constructor({ book, now, self, askPeers }: NamesOptions) {
    this.#book = book;
    this.#now = now;
    this.#self = self;
    this.#askPeers = askPeers;
  }

  /**
   * The record that somebody who asks for a name is given: one's own to everybody, that of a name that is followed to those who are
   * `known` here only. `invalid` when it is no name.
   */
  async give(text: string, isKnown: boolean): Promise<Uint8Array | undefined> {
    const name = parseName(text);
    // First what costs least: most of what strangers ask for is not here.
    const record = await this.#book.newest(name, this.#now());
    if (!record) return undefined;
    if (isKnown && (await this.#book.names()).includes(name)) return record.bytes;
    const signer = await this.#self();
    return signer && nameOf(signer.identity) === name ? record.bytes : undefined;
  }

  async own(): Promise<OwnName | undefined> {
    const signer = await this.#self();
    return signer && this.#ownOf(nameOf(signer.identity));
  }

  /** `missing` when nobody publishes here; the others as for records. */
  async publish(
    value: string,
    servers: readonly string[],
    signal?: AbortSignal,
    days: number = DAYS,
  ): Promise<OwnName & Asked> {
    const signer = await this.#self();
    if (!signer) throw new KromaError("missing", "You have no name yet: it comes with what you publish.");
    const name = nameOf(signer.identity);
    // Also what another machine of one's own may have published since.
    const { failures: learned } = await this.#learn(name, [], roundOf(servers, signal));
    const sequence = ((await this.#book.sequence(name)) ?? -1n) + 1n;
    const now = this.#now();
    const bytes = await makeRecord(signer, { value, sequence, validUntil: new Date(now + days * DAY) });
    await this.#book.offer(name, bytes, now);
    const record = await readRecord(name, bytes, now);
    const told = await each(servers, (server) => sendRecord(server, record, signal));
    return { ...(await this.#ownOf(name)), failures: [...new Set([...learned, ...told])] };
  }

  async followed(): Promise<readonly FollowedName[]> {
    const names = await this.#book.names();
    return Promise.all(names.map((name) => this.#followedOf(name)));
  }

  async follow(text: string, servers: readonly string[], signal?: AbortSignal): Promise<FollowedName & Asked> {
    const { name, from } = readName(text);
    const { failures: wrong, missed } = await this.#learn(name, from, roundOf(servers, signal));
    const failures = [...wrong, ...missed];
    const known = await this.#book.followed(name, this.#now());
    if (known.accepted === undefined) {
      if (!known.newest)
        throw new KromaError("missing", ["Nobody who was asked knows this name.", ...failures].join(" "));
      await this.#book.accept(name, known.newest.value, from);
    } else if (from.length > 0) await this.#book.accept(name, known.accepted, from);
    return { ...(await this.#followedOf(name)), failures };
  }

  async refresh(servers: readonly string[], signal?: AbortSignal): Promise<Asked> {
    const failures = new Set<string>();
    const round = roundOf(servers, signal);
    for (const name of await this.#book.names()) {
      const { from } = await this.#book.followed(name, this.#now());
      // Peers come and go: those who are not there now are not worth a word.
      for (const failure of (await this.#learn(name, from, round)).failures) failures.add(failure);
    }
    const own = await this.own();
    const isEnding = own?.validUntil !== undefined && own.validUntil - this.#now() < RENEW_DAYS * DAY;
    if (own?.value !== undefined && isEnding)
      for (const failure of (await this.publish(own.value, servers, signal)).failures) failures.add(failure);
    return { failures: [...failures] };
  }

  accept(name: string, value: string): Promise<void> {
    return this.#book.accept(name, value);
  }

  unfollow(name: string): Promise<void> {
    return this.#book.forget(name);
  }

  async #ownOf(name: string): Promise<OwnName> {
    const record = await this.#book.latest(name);
    return { name, value: record?.value, sequence: record?.sequence, validUntil: record?.validUntil };
  }

  async #followedOf(name: string): Promise<FollowedName> {
    const { accepted, newest, hasNews } = await this.#book.followed(name, this.#now());
    return { name, accepted, newest: newest?.value, hasNews };
  }

  /** Asks the servers, the peers and those at the addresses; the book keeps the newest. Gives sentences about what went wrong. */
  async #learn(
    name: string,
    from: readonly string[],
    round: Round,
  ): Promise<Asked & { readonly missed: readonly string[] }> {
    const { servers, signal, refused } = round;
    const take = (bytes: Uint8Array): Promise<boolean> => this.#book.offer(name, bytes, this.#now());
    const addresses = from.filter(isPeerAddress);
    const web = new Set([...from.filter((address) => !isPeerAddress(address)), ...servers]);
    const [told, peers] = await Promise.all([
      each([...web], async (server) => {
        const record = await fetchRecord(server, name, this.#now(), signal);
        if (record) await take(record.bytes);
      }),
      this.#askPeersFor(name, { addresses, take, signal, except: refused }, round),
    ]);
    for (const { peer } of [...peers.refused, ...peers.missed]) refused.add(peer);
    const reasons = peers.refused.map(({ reason }) => reason);
    const failures = [...told, ...reasons, ...(round.trouble === undefined ? [] : [round.trouble])];
    return { failures, missed: peers.missed.map(({ reason }) => reason) };
  }

  async #askPeersFor(name: string, asked: Parameters<AskPeers>[1], round: Round): Promise<PeersAsked> {
    const nobody: PeersAsked = { refused: [], missed: [] };
    if (!this.#askPeers || round.trouble !== undefined) return nobody;
    try {
      return await this.#askPeers(name, asked);
    } catch (error) {
      if (!(error instanceof KromaError) || error.code === "aborted") throw error;
      round.trouble = error.message;
      return nobody;
    }
  }
}

function roundOf(servers: readonly string[], signal: AbortSignal | undefined): Round {
  return { servers, signal, refused: new Set() };
}

async function each(servers: readonly string[], ask: (server: string) => Promise<void>): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const server of servers) {
    try {
      await ask(server);
    } catch (error) {
      if (!(error instanceof KromaError) || error.code === "aborted") throw error;
      failures.push(error.message);
    }
  }
  return failures;
}
