/**
 * `npm start`: builds what is missing, serves the page, and makes the Linux image meanwhile. Python and TypeScript
 * work before the image is there; the shell says how far it is.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { buildSite, root } from "./site.ts";
import { cacheFolder } from "../paths.ts";
import { findImage } from "#vm-images/exchange/ensure.ts";

const log = (line: string) => process.stderr.write(`kroma: ${line}\n`);

await buildSite(log);
if ((await findImage(cacheFolder())) === undefined) {
  log("making the Linux image in the background (a few minutes, once); Python and TypeScript work already");
  const child = spawn(process.execPath, [join(root, "app/node/cli.ts"), "vm", "build"], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
  });
  child.on("close", (code) => {
    log(
      code === 0
        ? "the Linux image is ready: shell cells work now"
        : "there is no Linux image, see above; try `npm run vm-image`, or take one with `kroma vm import`",
    );
  });
  process.on("exit", () => child.kill());
}
process.argv.splice(2, 0, "serve");
await import("../cli.ts");
