/**
 * Kinds of tests: `unit` in Node, `browser` in real Chromium, `e2e` the built app driven from outside; and `faults`, which
 * needs root for networks of its own (`npm run faults`; `npm test` leaves it out).
 */
import { playwright } from "@vitest/browser-playwright";
import solid from "vite-plugin-solid";
import { defaultClientConditions } from "vite";
import { defineConfig } from "vitest/config";
import { chromiumArguments, chromiumPath } from "./test/chromium.ts";
import { farPeers } from "./test/browser/mesh/far-peers.ts";
import { secondTry } from "./test/second-try.ts";
import { gatedModel, haltingModel } from "./test/browser/onnx/model-server.ts";
import { linuxImage } from "./test/browser/shell/image-server.ts";

/** A machine that many share may take its time: what is awaited is judged by whether it comes, not by when. */
const expectation = { poll: { timeout: 60_000 } };

const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "credentialless",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

export default defineConfig({
  test: {
    environment: "node",
    reporters: ["default", secondTry],
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          environment: "node",
          retry: 1,
          include: ["test/unit/**/*.test.ts"],
          expect: expectation,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [solid(), linuxImage(), farPeers(), haltingModel(), gatedModel()],
        publicDir: "dist/site",
        server: { headers: isolation },
        resolve: { conditions: ["onnxruntime-web-use-extern-wasm", ...defaultClientConditions] },
        worker: { format: "es" },
        // Found late, a dependency makes Vite reload the page in the middle of a test: those of workers are named here.
        optimizeDeps: {
          entries: ["test/browser/**/*.test.{ts,tsx}"],
          include: [
            "@automerge/automerge/slim",
            "@bufbuild/protobuf/wire",
            "@codemirror/collab",
            "@codemirror/commands",
            "@codemirror/state",
            "@codemirror/view",
            "@ipld/dag-cbor",
            "@ipld/dag-pb",
            "@noble/curves/ed25519.js",
            "@noble/hashes/scrypt.js",
            "@noble/hashes/sha2.js",
            "@noble/post-quantum/ml-dsa.js",
            "@wllama/wllama",
            "acorn",
            "apache-arrow",
            "fast-check",
            "fflate",
            "fractional-indexing",
            "hyparquet",
            "idb",
            "ipfs-unixfs",
            "ipfs-unixfs-importer",
            "linkedom/worker",
            "magic-string",
            "multiformats",
            "multiformats/bases/base32",
            "multiformats/bases/base64",
            "multiformats/cid",
            "multiformats/codecs/raw",
            "multiformats/hashes/digest",
            "multiformats/hashes/sha2",
            "onnxruntime-web/wasm",
            "sucrase",
          ],
        },
        test: {
          name: "browser",
          environment: "node",
          retry: 1,
          include: ["test/browser/**/*.test.{ts,tsx}"],
          expect: expectation,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            instances: [{ browser: "chromium" }],
            provider: playwright({
              launchOptions: {
                executablePath: chromiumPath,
                args: [...chromiumArguments],
              },
            }),
          },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          environment: "node",
          retry: 1,
          include: ["test/e2e/**/*.test.ts"],
          expect: expectation,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        extends: true,
        test: {
          name: "faults",
          environment: "node",
          include: ["test/faults/**/*.test.ts"],
          expect: expectation,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
