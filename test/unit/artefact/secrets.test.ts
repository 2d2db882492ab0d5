import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { secretsInFile, secretsInNotebook } from "#core/artefact/notebook-parts.ts";
import { findSecrets, textOf } from "#core/artefact/secrets.ts";
import { readFile as readNotebook } from "#core/notebook/formats.ts";

const notebooks = join(import.meta.dirname, "../../../notebooks");

/** Letters and digits in no order, the same each time. */
function chance(length: number, seed = 1): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  let state = seed;
  return Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return letters[(state >> 8) % letters.length];
  }).join("");
}

const kinds = (text: string): readonly string[] => findSecrets(text).map(({ what }) => what);

// Made here in parts, so that no scanner takes this file for a leak.
const SECRETS: readonly (readonly [string, string])[] = [
  ["a private key", `${["-----BEGIN OPENSSH", "PRIVATE KEY-----"].join(" ")}\n${chance(70)}`],
  ["a private key", `key = "${["-----BEGIN", "PRIVATE KEY-----"].join(" ")}\\n${chance(64)}"`],
  ["an AWS access key", `aws = "${"AKIA"}${"IZ7QW2ERTY5UASDF"}"`],
  ["a GitHub token", `${"ghp"}_${chance(36)}`],
  ["a GitLab token", `${"glpat"}-${chance(20)}`],
  ["a Slack token", `${"xoxb"}-123456789012-${chance(24)}`],
  ["a key of a language model's service", `client = Client("${"sk"}-ant-api03-${chance(80)}")`],
  ["a key of a language model's service", `${"sk"}-${chance(48)}`],
  ["a Google API key", `?key=${"AIza"}${chance(35)}&q=x`],
  ["a Stripe key", `${"sk"}_live_${chance(24)}`],
  ["an npm token", `//registry/:_auth=${"npm"}_${chance(36)}`],
  ["a Hugging Face token", `${"hf"}_${"abcdefghijklmnopqrstuvwxyzABCDEFGH"}`],
  ["a signed web token", `${"eyJ"}${chance(30)}.${"eyJ"}${chance(60)}.${chance(43)}`],
  ["a password in an address", `postgres://ada:${chance(12)}@db.example.org/weather`],
  ["a key or a password", `API_KEY = "${chance(32)}"`],
  ["a key or a password", `{"password": "${chance(14)}"}`],
  ["a key or a password", `export SERVICE_TOKEN=${chance(40)}`],
];

const HARMLESS: readonly string[] = [
  'api_key = os.environ["API_KEY"]',
  'token = getpass("Token: ")',
  'API_KEY = "your-api-key-here"',
  'password = "changeme"',
  "tokens = tokenizer.encode(text)",
  "max_tokens=4096, token_type_ids=token_type_ids",
  'secret_santa = "Grace Hopper"',
  "postgres://user:password@localhost/db",
  "https://example.org/a:b@c",
  '{"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}',
  "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
  "commit 50876d9f0e2c4d5b8a7f6e5d4c3b2a1908172635",
  `![plot](data:image/png;base64,${chance(4000)})`,
  `if (pem.startsWith("${["-----BEGIN", "PRIVATE KEY-----"].join(" ")}")) return;`,
  "the secret is: sleep_well_and_eat_breakfast",
  "password: str = field(default_factory=default_password)",
  "passphrase = word_list[12345678901234567890]",
  "sk-learn and sk_learn_version_1_2_3",
  'credentials = service_account.Credentials.from_service_account_file("key.json")',
  "authToken: `${kroma.get('token')}`",
];

describe("the scan for secrets", () => {
  it("finds tokens by their shapes, and values of chance beside a name", () => {
    for (const [what, text] of SECRETS) expect(kinds(`first line\n${text}\nlast line`), text).toEqual([what]);
  });

  it("says the line, and hardly anything of the secret", () => {
    const secret = chance(32);
    const [found] = findSecrets(`a\nb\nAPI_KEY = "${secret}"\n`);
    expect(found).toEqual({ what: "a key or a password", line: 3, shown: `${secret.slice(0, 6)}…` });
  });

  it("lets ordinary code and texts be", () => {
    for (const text of HARMLESS) expect(kinds(text), text).toEqual([]);
  });

  it("takes nothing in the shipped notebooks and their files for a secret", async () => {
    for (const name of (await readdir(notebooks)).filter((file) => file.endsWith(".ipynb"))) {
      const { notebook } = readNotebook(name, await readFile(join(notebooks, name)));
      expect(secretsInNotebook(notebook), name).toEqual([]);
    }
    for (const name of await readdir(join(notebooks, "data")))
      expect(secretsInFile(name, await readFile(join(notebooks, "data", name))), name).toEqual([]);
  });

  it("takes nothing in Kroma's own code for one", async () => {
    const root = join(notebooks, "..");
    for (const folder of ["core", "plugins", "kernels", "app"]) {
      for (const name of await readdir(join(root, folder), { recursive: true })) {
        if (!/\.(?:tsx?|py|md)$/.test(name)) continue;
        expect(kinds(await readFile(join(root, folder, name), "utf8")), name).toEqual([]);
      }
    }
  });

  it("looks into outputs, but not into the bytes of pictures, and at the names of files", () => {
    const cell = (outputs: readonly object[]) => ({
      cell_type: "code",
      id: "a",
      metadata: {},
      execution_count: null,
      source: "1",
      outputs,
    });
    const secret = `${"ghp"}_${chance(36)}`;
    const shown = { output_type: "display_data", metadata: {}, data: { "image/png": secret, "text/html": secret } };
    const file = {
      cells: [cell([{ output_type: "stream", name: "stdout", text: `x\n${secret}` }]), cell([shown])],
      metadata: {},
      nbformat: 4,
      nbformat_minor: 5,
    };
    const { notebook } = readNotebook("a.ipynb", new TextEncoder().encode(JSON.stringify(file)));
    expect(secretsInNotebook(notebook).map(({ place, line }) => `${place}:${line}`)).toEqual([
      "the output of cell 1:2",
      "the output of cell 2:1",
    ]);
    for (const name of [".env", "deep/.env.local", "id_ed25519", "server.pem", ".netrc"])
      expect(secretsInFile(name, new Uint8Array()).length, name).toBe(1);
    for (const name of [".env.example", "environment.yml", "id_rsa.pub", "pem.txt"])
      expect(secretsInFile(name, new Uint8Array()), name).toEqual([]);
  });

  it("does not take long for texts that are made to make it slow", () => {
    const start = performance.now();
    for (const text of ["token=".repeat(50_000), `token = "${"a".repeat(500_000)}`, "eyJ".repeat(100_000)])
      findSecrets(text);
    for (const text of ["a://b:".repeat(50_000), "data:a/b;".repeat(40_000), "-----BEGIN A ".repeat(30_000)])
      findSecrets(text);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(textOf(Uint8Array.of(1, 0, 2))).toBeUndefined();
  });
});
