/** Where a page's own mirror is: the machine that served the page may also be a peer that is always on. */
import * as v from "valibot";

const MIRROR_FILE = "/.well-known/kroma-mirror.json";
const MOST_BYTES = 16_384;

const mirrorSchema = v.object({
  version: v.literal(1),
  peer: v.pipe(v.string(), v.regex(/^[A-Za-z0-9]{32,128}$/)),
  addresses: v.pipe(v.array(v.pipe(v.string(), v.maxLength(1024))), v.maxLength(64)),
});

/**
 * The address of the mirror at an origin, by the very way that the page came; undefined when there is none there, or none
 * that this version understands.
 */
export async function findMirror(origin: string, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const response = await fetch(new URL(MIRROR_FILE, origin), { cache: "no-store", ...(signal ? { signal } : {}) });
    if (!response.ok || !response.headers.get("content-type")?.startsWith("application/json")) return undefined;
    const text = await response.text();
    if (text.length > MOST_BYTES) return undefined;
    const parsed = v.safeParse(mirrorSchema, JSON.parse(text));
    return parsed.success ? websocketAddress(new URL(origin), parsed.output.peer) : undefined;
  } catch {
    // A page that nobody serves any more, or a host of plain files, has no mirror.
    return undefined;
  }
}

function websocketAddress(url: URL, peer: string): string | undefined {
  const secure = url.protocol === "https:";
  if (!secure && url.protocol !== "http:") return undefined;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const kind = host.includes(":") ? "ip6" : /^\d+(\.\d+){3}$/.test(host) ? "ip4" : "dns";
  const port = url.port === "" ? (secure ? 443 : 80) : url.port;
  return `/${kind}/${host}/tcp/${port}/${secure ? "tls/ws" : "ws"}/p2p/${peer}`;
}
