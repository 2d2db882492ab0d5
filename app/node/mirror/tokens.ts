/**
 * Who may pin on a mirror: tokens, of which only hashes are kept, in a file that the mirror reads anew with each request, so that
 * one can be made and taken away while it runs.
 */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { KromaError } from "#core/base/errors.ts";

/** Somebody with a token. */
export interface TokenHolder {
  readonly name: string;
  /** Bytes that they may keep here. */
  readonly quota: number;
}

const FILE = "pin-tokens.json";
const DEFAULT_QUOTA = 10 * 2 ** 30;

const schema = v.strictObject({
  version: v.literal(1),
  tokens: v.array(
    v.strictObject({
      name: v.pipe(v.string(), v.regex(/^[\w.@-]{1,64}$/)),
      sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      quota: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    }),
  ),
});
type TokenFile = v.InferOutput<typeof schema>;

/** The tokens in a mirror's data folder. */
export class Tokens {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whose token this is; undefined for nobody's. */
  async holderOf(token: string): Promise<TokenHolder | undefined> {
    // By its hash, so that how long it takes says nothing about tokens.
    const sha256 = hashOf(token);
    const found = (await this.#read()).tokens.find((one) => one.sha256 === sha256);
    return found && { name: found.name, quota: found.quota };
  }

  async list(): Promise<readonly TokenHolder[]> {
    return (await this.#read()).tokens.map(({ name, quota }) => ({ name, quota }));
  }

  /** A new token, which is told here once; one of that name before it is of no use any more. */
  async make(name: string, quota: number = DEFAULT_QUOTA): Promise<string> {
    const token = randomBytes(32).toString("base64url");
    const { tokens } = await this.#read();
    const next = [...tokens.filter((one) => one.name !== name), { name, sha256: hashOf(token), quota }];
    const parsed = v.safeParse(schema, { version: 1, tokens: next });
    if (!parsed.success)
      throw new KromaError("invalid", "A token's name has letters, digits, dots, hyphens and @, at most 64 of them.");
    await this.#write(parsed.output);
    return token;
  }

  /** False when there was none of that name. */
  async remove(name: string): Promise<boolean> {
    const { tokens } = await this.#read();
    const next = tokens.filter((one) => one.name !== name);
    if (next.length === tokens.length) return false;
    await this.#write({ version: 1, tokens: next });
    return true;
  }

  async #read(): Promise<TokenFile> {
    const path = join(this.#folder, FILE);
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { version: 1, tokens: [] };
      throw new KromaError("unavailable", `${path} can't be read.`, { cause: error });
    }
    try {
      return v.parse(schema, JSON.parse(text));
    } catch (error) {
      throw new KromaError("corrupt", `${path} is not a list of tokens.`, { cause: error });
    }
  }

  async #write(file: TokenFile): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, FILE);
    await writeFile(`${path}.new`, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
