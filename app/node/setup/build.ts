/** `npm run build`: everything that a host of static files needs, in dist/site. */
import { buildSite } from "./site.ts";

await buildSite((line) => process.stderr.write(`kroma: ${line}\n`));
