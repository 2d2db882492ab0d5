/**
 * `npm test`: sets up all that the tests need (Chromium, the site, the Linux image), then runs the checks and the tests.
 * With arguments it passes them to Vitest and leaves out the checks: `npm test -- --project unit`.
 */
import { ensureImage } from "#vm-images/exchange/ensure.ts";
import { cacheFolder } from "../paths.ts";
import { runChecks } from "./check.ts";
import { ensureChromium } from "./chromium.ts";
import { buildSite, tool } from "./site.ts";

const log = (line: string) => process.stderr.write(`kroma: ${line}\n`);
const args = process.argv.slice(2);

process.env["KROMA_CHROMIUM"] = await ensureChromium(log);
await buildSite(log);
await ensureImage({ cache: cacheFolder(), log });
const failed = args.length === 0 ? [...(await runChecks())] : [];
try {
  await tool("node_modules/vitest/vitest.mjs", ["run", ...(args.length === 0 ? ["--project", "!faults"] : args)]);
} catch {
  failed.push("tests");
}
if (failed.length > 0) log(`failed: ${failed.join(", ")}`);
process.exit(failed.length === 0 ? 0 : 1);
