/** What llama.cpp says when it fails, in words: the sentences are those of its source and of WebAssembly's runtimes. */
import { expect, it } from "vitest";
import { answerFailure, loadFailure } from "#plugins/llama/failures.ts";

it.each([
  [["llama_model_load: error loading model: unknown model architecture: 'mamba9'"], "invalid", "“mamba9”"],
  [
    [
      "llama_model_load: error loading model: tensor 'output.weight' data is not within the file bounds, model is corrupted or incomplete",
    ],
    "corrupt",
    "x.gguf is not whole",
  ],
  [["ggml_aligned_malloc: insufficient memory (attempted to allocate 3000.00 MB)"], "exhausted", "not enough memory"],
  [["ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 4294967296"], "exhausted", "memory"],
  [["(ABORT) OOM"], "exhausted", "not enough memory"],
  [
    [
      "llama_model_load: error loading model: error loading model vocabulary: cannot find tokenizer merges in model file\n",
    ],
    "corrupt",
    "x.gguf can't be loaded: error loading model vocabulary: cannot find tokenizer merges",
  ],
  [[], "corrupt", "x.gguf can't be loaded."],
] as const)("a model that is not loaded: %j", (said, code, words) => {
  expect(loadFailure("x.gguf", said)).toMatchObject({ code, message: expect.stringContaining(words) as string });
});

it.each([
  [
    "request (1626 tokens) exceeds the available context size (256 tokens), try increasing it",
    false,
    "exhausted",
    "1,626 tokens",
  ],
  ["Failed to initialize samplers: std::exception", true, "invalid", "JSON Schema"],
  ["Invalid typed array length: 1163217991", true, "invalid", "JSON Schema"],
  ["Invalid typed array length: 1163217991", false, "unavailable", "in the middle of its answer"],
  ["std::bad_alloc", true, "exhausted", "not enough memory"],
  ["Out of memory: Cannot allocate Wasm memory for new instance", false, "exhausted", "not enough memory"],
] as const)("an answer that does not come: %s", (said, hasSchema, code, words) => {
  expect(answerFailure("x.gguf", said, hasSchema)).toMatchObject({
    code,
    message: expect.stringContaining(words) as string,
  });
});
