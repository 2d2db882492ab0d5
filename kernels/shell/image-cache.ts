/**
 * Files of the Linux image as this browser keeps them for later visits, by the hash of their content, packed as they came.
 * They are kept here and not by the service worker, because a new build of the page need not bring a new image. Nothing
 * here is trusted: whoever reads checks. Where there is no such cache (Node, storage denied or full) all is fetched.
 */

/** Not one of the service worker's, which end with their build. */
const NAME = "linux-image";
/** Stands for the content; never fetched. */
const PLACE = "https://linux-image.invalid/";

let opened: Promise<Cache | undefined> | undefined;

async function cache(): Promise<Cache | undefined> {
  try {
    return await globalThis.caches?.open(NAME);
  } catch {
    return undefined;
  }
}

/** Does something with the cache, or nothing where there is none or it fails. */
async function attempt<T>(work: (cache: Cache) => Promise<T>): Promise<T | undefined> {
  try {
    const found = await (opened ??= cache());
    return found && (await work(found));
  } catch {
    // A full or a broken cache is none: the network has it all.
    return undefined;
  }
}

/** What is kept under a name. */
export async function keptBytes(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = await attempt(async (kept) => (await kept.match(PLACE + name))?.arrayBuffer());
  return bytes && new Uint8Array(bytes);
}

/** Keeps bytes, in place of what is there. */
export async function keepBytes(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  // Made at once: the caller may give the bytes away.
  const response = new Response(bytes);
  await attempt((kept) => kept.put(PLACE + name, response));
}

/** Drops what turned out to be damaged. */
export async function dropBytes(name: string): Promise<void> {
  await attempt((kept) => kept.delete(PLACE + name));
}

/** Drops all that is not named: the files of images that are no longer used. */
export async function keepOnly(names: ReadonlySet<string>): Promise<void> {
  await attempt(async (kept) => {
    for (const { url } of await kept.keys()) {
      if (!names.has(url.slice(PLACE.length))) await kept.delete(url);
    }
  });
}
