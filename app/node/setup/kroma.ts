/** `npm run kroma -- VERB …`: makes sure that the kernels have their files, then is the command line. */
import { buildAssets } from "./site.ts";

await buildAssets((line) => process.stderr.write(`kroma: ${line}\n`));
await import("../cli.ts");
