/** `npm run check`: what must pass. Runs each check, tells which failed and how long each took. */
import { tool } from "./site.ts";

const CHECKS: readonly (readonly [name: string, path: string, args: readonly string[]])[] = [
  ["types", "node_modules/typescript/bin/tsc", ["-b"]],
  ["lint", "node_modules/oxlint/bin/oxlint", ["--type-aware", "--deny-warnings"]],
  ["format", "node_modules/oxfmt/bin/oxfmt", ["--check"]],
  ["dead code", "node_modules/knip/bin/knip.js", []],
];

/** Runs all checks; resolves with the names of those that failed, having printed why. */
export async function runChecks(): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const [name, path, args] of CHECKS) {
    const started = performance.now();
    try {
      await tool(path, args, { quiet: true });
      process.stderr.write(`kroma: ${name} ok (${((performance.now() - started) / 1000).toFixed(1)} s)\n`);
    } catch (error) {
      failed.push(name);
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\nkroma: ${name} FAILED\n`);
    }
  }
  return failed;
}

if (import.meta.main) {
  const failed = await runChecks();
  process.exit(failed.length === 0 ? 0 : 1);
}
