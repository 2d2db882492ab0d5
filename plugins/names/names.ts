/** One's own name and those that one follows: what is known of them is kept in a book, others are asked and told over HTTP. */
import { KromaError } from "#core/base/errors.ts";
import type { NameSigner } from "#core/mesh/identity.ts";
import type { Asked, FollowedName, NameAccess, OwnName } from "#kit/names.ts";
import type { NameBook } from "./book.ts";
import { makeRecord, nameOf, parseName, readRecord } from "./record.ts";
import { fetchRecord, sendRecord } from "./routing.ts";

const DAY = 86_400_000;
/** A record is good for so long; who is away for longer has to publish again. */
export const DAYS = 90;
/** One's own record is made anew when no more than so many days are left. */
const RENEW_DAYS = 30;

export interface NamesOptions {
  readonly book: NameBook;
  readonly now: () => number;
  /** Who publishes here; undefined while nobody does. */
  readonly self: () => Promise<NameSigner | undefined>;
}

export class Names implements NameAccess {
  readonly #book: NameBook;
  readonly #now: () => number;
  readonly #self: NamesOptions["self"];

  constructor({ book, now, self }: NamesOptions) {
    this.#book = book;
    this.#now = now;
    this.#self = self;
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
    const learned = await this.#learn(name, servers, signal);
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
    const { name, server } = readName(text);
    const failures = await this.#learn(name, [...new Set([...(server ? [server] : []), ...servers])], signal);
    const known = await this.#book.followed(name, this.#now());
    if (known.accepted === undefined) {
      if (!known.newest)
        throw new KromaError("missing", ["Nobody who was asked knows this name.", ...failures].join(" "));
      await this.#book.accept(name, known.newest.value);
    }
    return { ...(await this.#followedOf(name)), failures };
  }

  async refresh(servers: readonly string[], signal?: AbortSignal): Promise<Asked> {
    const failures = new Set<string>();
    for (const name of await this.#book.names())
      for (const failure of await this.#learn(name, servers, signal)) failures.add(failure);
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

  /** Asks the servers; the book keeps the newest. Gives sentences about those who could not be asked. */
  #learn(name: string, servers: readonly string[], signal?: AbortSignal): Promise<readonly string[]> {
    return each(servers, async (server) => {
      const record = await fetchRecord(server, name, this.#now(), signal);
      if (record) await this.#book.offer(name, record.bytes, this.#now());
    });
  }
}

/** A name out of what a person gives: itself, `ipns://…`, or a gateway's link, whose server may know it. */
export function readName(text: string): { readonly name: string; readonly server: string | undefined } {
  const trimmed = text.trim();
  const link = /^https?:\/\//.test(trimmed) ? URL.parse(trimmed) : null;
  const path = link ? link.pathname : trimmed.replace(/^ipns:\/\//, "/ipns/");
  const found =
    /(?:^|\/ipns\/)([A-Za-z0-9]{1,128})\/?$/.exec(path)?.[1] ?? /\/ipns\/([A-Za-z0-9]{1,128})\//.exec(path)?.[1];
  return { name: parseName(found ?? trimmed), server: link ? `${link.origin}/` : undefined };
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
