/** The gateway of the mirror that served this page, if one did: where blocks that others published may be had. */
import * as v from "valibot";

const MIRROR_FILE = "/.well-known/kroma-mirror.json";
const MOST_BYTES = 16_384;

const schema = v.object({ version: v.literal(1), gateway: v.pipe(v.string(), v.maxLength(512)) });

/** Its address; undefined when there is no mirror there, or one without a gateway. */
export async function findGateway(origin: string): Promise<string | undefined> {
  try {
    const response = await fetch(new URL(MIRROR_FILE, origin), { cache: "no-store" });
    if (!response.ok || !response.headers.get("content-type")?.startsWith("application/json")) return undefined;
    const text = await response.text();
    const parsed = text.length > MOST_BYTES ? undefined : v.safeParse(schema, JSON.parse(text));
    const url = parsed?.success ? URL.parse(parsed.output.gateway, origin) : undefined;
    return url && /^https?:$/.test(url.protocol) ? url.href : undefined;
  } catch {
    // A page that nobody serves any more, or a host of plain files, has no mirror.
    return undefined;
  }
}
