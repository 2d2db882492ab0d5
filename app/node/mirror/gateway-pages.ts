/** The pages that the gateway makes itself: what is in a directory, and where one is. No script, nothing from elsewhere. */
import type { DirectoryEntry } from "#core/artefact/unixfs.ts";

/** Longer directories are cut; a CAR file has all of them. */
export const MOST_LISTED = 10_000;

const STYLES =
  ":root{color-scheme:light dark}body{font:1rem/1.6 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1.5rem}" +
  "h1{font-size:1.25rem}h1,code{overflow-wrap:anywhere}table{border-collapse:collapse;inline-size:100%}" +
  "td,th{padding:.2rem .75rem .2rem 0;text-align:start;border-block-end:1px solid light-dark(#e3dfd6,#36332d);overflow-wrap:anywhere}" +
  "td:nth-child(2),th:nth-child(2){text-align:end;white-space:nowrap;font-variant-numeric:tabular-nums}a{color:light-dark(#0b5a5e,#79cbc8)}";

/** A directory without a page of its own. Sizes are those that the directory has, with all blocks. */
export function listingPage(path: string, cid: string, entries: readonly DirectoryEntry[], isCut: boolean): string {
  const up = path.split("/").filter((part) => part !== "").length > 2 ? '<p><a href="../">One folder up</a></p>' : "";
  const rows = entries
    .map(
      ({ name, size }) =>
        `<tr><td><a href="./${encodeURIComponent(name)}">${escape(name)}</a></td><td>${sizeOf(size)}</td></tr>`,
    )
    .join("\n");
  const cut = isCut ? `<p>The first ${MOST_LISTED} of them.</p>` : "";
  return page(
    decodePath(path),
    `${up}<table><thead><tr><th>Name</th><th>Size</th></tr></thead><tbody>\n${rows}\n</tbody></table>${cut}` +
      `<p><a href="./?format=car" download="${cid}.car">All of it as a CAR file</a></p><p><code>${cid}</code></p>`,
  );
}

/** What stands in the place of a copy of Kroma inside an artefact, for nothing runs here. `app` is the address of one that may. */
export const runPage = (cid: string, app: string | undefined): string =>
  page(
    "This gateway shows what is published, and runs nothing",
    "<p>What you asked for is a program: a copy of Kroma that came with a notebook. Pages of this gateway may come from anybody, so its host lets them do nothing but be read.</p>" +
      (app === undefined
        ? ""
        : `<p><a href="${escape(`${app}#/artefact/${cid}`)}">Open it in the Kroma of this mirror</a></p>`) +
      `<p>Or go to a Kroma of your own, choose <em>Open</em>, and give it this name:</p><p><code>${cid}</code></p>`,
  );

/** The gateway's own first page. */
export const gatewayPage = (): string =>
  page(
    "A gateway of a Kroma mirror",
    "<p>What was published and pinned here is at <code>/ipfs/…</code>, and names lead to it at <code>/ipns/…</code>. Nothing is fetched from elsewhere.</p>",
  );

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title><style>${STYLES}</style></head><body><main><h1>${escape(title)}</h1>${body}</main></body></html>\n`;
}

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(1)} ${["B", "kB", "MB", "GB"][power]}`;
}
