/** Authors that a person remembers, each under a name of one's own: only keys say who somebody is. */
import * as v from "valibot";
import { memberIdOf, nameSchema, type PublicIdentity, type Signer } from "../mesh/identity.ts";
import type { DocStore } from "../store/stores.ts";
import type { Signed } from "./messages.ts";

/** An author as one knows them. */
export interface KnownAuthor {
  /** The id of their keys. */
  readonly id: string;
  /** What one calls them. */
  readonly petname: string;
  /** What they called themselves when they were remembered. */
  readonly claimed: string;
}

const KEY = "author";
const schema = v.strictObject({
  id: v.pipe(v.string(), v.maxLength(100)),
  petname: nameSchema,
  claimed: v.pipe(v.string(), v.maxLength(200)),
});

/** The authors in a document store. */
export class KnownAuthors {
  readonly #store: DocStore;

  constructor(store: DocStore) {
    this.#store = store;
  }

  async list(): Promise<readonly KnownAuthor[]> {
    const stored = await this.#store.loadRange([KEY]);
    return stored.flatMap(([, bytes]) => {
      const parsed = v.safeParse(schema, readJson(bytes));
      return parsed.success ? [parsed.output] : [];
    });
  }

  /** Remembers an author, or gives them another name. `invalid` (a ValiError) for a name that can't be shown. */
  async remember(author: KnownAuthor): Promise<void> {
    const bytes = new TextEncoder().encode(JSON.stringify(v.parse(schema, author)));
    await this.#store.write({ put: [[[KEY, author.id], bytes]] });
  }

  async forget(id: string): Promise<void> {
    await this.#store.write({ remove: [[KEY, id]] });
  }
}

/** Who signed, as they are known here. The envelopes are those that hold. */
export async function signedBy(
  envelopes: readonly { readonly author: PublicIdentity }[],
  known: readonly KnownAuthor[],
  self: Signer | undefined,
): Promise<readonly Signed[]> {
  const people = [
    ...known.map(({ id, petname, claimed }) => ({ id, names: [petname, claimed] })),
    ...(self?.identity.name === undefined ? [] : [{ id: self.id as string, names: [self.identity.name] }]),
  ];
  return Promise.all(
    envelopes.map(async ({ author }) => {
      const id = await memberIdOf(author);
      const claimed = author.name ?? "";
      const petname = known.find((other) => other.id === id)?.petname;
      const standing = (): Signed["standing"] => {
        if (id === self?.id) return "you";
        if (petname !== undefined) return "known";
        return isImpostor(id, claimed, people) ? "impostor" : "new";
      };
      return { author: id, claimed, standing: standing(), ...(petname === undefined ? {} : { petname }) };
    }),
  );
}

/**
 * Somebody who calls themself like one of these, or like oneself, and has other keys. Names are compared as they look: without
 * case, marks and spaces.
 */
function isImpostor(
  id: string,
  claimed: string,
  people: readonly { readonly id: string; readonly names: readonly string[] }[],
): boolean {
  const shape = shapeOf(claimed);
  if (shape === "" || people.some((person) => person.id === id)) return false;
  return people.some(({ names }) => names.some((name) => shapeOf(name) === shape));
}

const shapeOf = (name: string): string =>
  name
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Z}\p{P}\p{C}]/gu, "")
    .toLowerCase();

function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
