/** People who sign with keys that are always the same, and an artefact to be published. */
import type { ArtefactParts } from "#core/artefact/publish.ts";
import { memberIdOf, type Signer } from "#core/mesh/identity.ts";
import { keysOfSeed } from "#plugins/identity/own-identity.ts";
import { chooseSchemes } from "#plugins/identity/schemes.ts";
import { signHybrid } from "#plugins/identity/signatures.ts";

export const text = (written: string): Uint8Array => new TextEncoder().encode(written);

/** Somebody whose seed is 32 times that byte. */
export async function signerOf(byte: number, name: string): Promise<Signer> {
  const schemes = await chooseSchemes();
  const { identity, keys } = await keysOfSeed(new Uint8Array(32).fill(byte), schemes);
  const named = { ...identity, name };
  return {
    identity: named,
    id: await memberIdOf(named),
    sign: (domain, bytes) => signHybrid(schemes, keys, domain, bytes),
  };
}

/** A small notebook with a file that it uses. */
export const partsOf = (change: Partial<ArtefactParts> = {}): ArtefactParts => ({
  kind: "notebook",
  name: "weather",
  version: "1.0.0",
  title: "Weather in Seattle",
  authors: [{ name: "Ada" }],
  licence: "CC-BY-4.0",
  entry: "notebook.ipynb",
  environment: {
    packages: [{ name: "six", version: "1.17.0", sha256: "ab".repeat(32), source: "pyodide" }],
    npm: [],
  },
  models: [],
  prompts: [],
  capabilities: ["network:example.org"],
  parents: [],
  content: [
    { path: "notebook.ipynb", content: text('{"cells":[],"metadata":{},"nbformat":4,"nbformat_minor":5}\n') },
    { path: "workspace/data/weather.csv", content: text("day,rain\n1,2\n") },
  ],
  ...change,
});
