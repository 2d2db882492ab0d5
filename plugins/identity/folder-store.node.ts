/** An identity in a folder: one file that only its owner can read, with the seed in it (Node keeps no sealed keys). */
import { mkdir, open, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { KromaError } from "#core/base/errors.ts";
import { fromBase64Url, jsonBytes, toBase64Url } from "#core/mesh/encoding.ts";
import { base64UrlOf, nameSchema } from "#core/mesh/identity.ts";
import * as v from "valibot";
import { keysOfSeed, type IdentityStore, type StoredIdentity } from "./own-identity.ts";
import { SEED_BYTES } from "./scheme.ts";
import { chooseSchemes, type Schemes } from "./schemes.ts";

const FILE = "identity.json";
const MOST_BYTES = 4096;

const fileSchema = v.strictObject({
  format: v.literal("kroma-identity"),
  version: v.literal(1),
  name: nameSchema,
  seed: base64UrlOf(SEED_BYTES),
});

export class FolderIdentityStore implements IdentityStore {
  readonly #folder: string;
  readonly #schemes: Promise<Schemes>;

  /** The identity of that folder, which is made when first written to. */
  constructor(folder: string, schemes: Promise<Schemes> = chooseSchemes()) {
    this.#folder = folder;
    this.#schemes = schemes;
  }

  /** `denied` when others can read the file, `corrupt` when it holds no identity. */
  async load(): Promise<StoredIdentity | undefined> {
    const path = join(this.#folder, FILE);
    const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw new KromaError("unavailable", `The identity in ${path} can't be read: ${error.message}`, { cause: error });
    });
    if (!found) return undefined;
    if (process.platform !== "win32" && (found.mode & 0o077) !== 0)
      throw new KromaError("denied", `Others can read the identity in ${path}. Run: chmod 600 ${path}`);
    if (found.size > MOST_BYTES) throw new KromaError("corrupt", `There is no identity in ${path}.`);
    const parsed = v.safeParse(fileSchema, parseJson(await readFile(path, "utf8")));
    if (!parsed.success) throw new KromaError("corrupt", `There is no identity in ${path}.`);
    const seed = fromBase64Url(parsed.output.seed);
    const { identity, keys } = await keysOfSeed(seed, await this.#schemes);
    return { identity: { ...identity, name: parsed.output.name }, keys, seed };
  }

  async save({ identity, seed }: StoredIdentity): Promise<void> {
    if (!seed) throw new KromaError("invalid", "Keys that can't be read out can't be kept in a folder.");
    const content = jsonBytes({
      format: "kroma-identity",
      version: 1,
      name: identity.name,
      seed: toBase64Url(seed),
    });
    const path = join(this.#folder, FILE);
    // Written whole beside it first: a key must not be lost to a crash in between.
    const beside = `${path}.new`;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await rm(beside, { force: true });
    const file = await open(beside, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, path);
  }

  async remove(): Promise<void> {
    await rm(join(this.#folder, FILE), { force: true });
  }

  close(): void {
    // Nothing stays open.
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
