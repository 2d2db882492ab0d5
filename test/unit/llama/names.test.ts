/** Which names in a cell mean a model file, and which are left to the server that was chosen. */
import { expect, it } from "vitest";
import { isModelFile } from "#plugins/llama/names.ts";

it.each([
  "tiny.gguf",
  "/workspace/models/Tiny.GGUF",
  "https://models.example/a/b.gguf",
  "hub:owner/name/file.gguf",
  "hf://owner/name/file-Q4_K_M.gguf",
  "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi/tiny.gguf",
  "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy",
])("%s is one", (name) => {
  expect(isModelFile(name)).toBe(true);
});

it.each(["llama3.2:3b", "gpt-5", "browser", "owner/name", "gguf", ""])("%s is none", (name) => {
  expect(isModelFile(name)).toBe(false);
});
