/** Names as people hand them on: alone, or with addresses of those who may know them (rule N9 of core/artefact/SPEC.md). */
import { isPeerAddress } from "#core/artefact/address.ts";
import { parseName } from "./record.ts";

const MOST_HINTS = 8;
const MOST_LENGTH = 8192;

/** A link to a name, with as many of the addresses as a link may have. */
export function nameLink(name: string, from: readonly string[]): string {
  const query = new URLSearchParams(from.slice(0, MOST_HINTS).map((address) => ["from", address]));
  return `ipns://${name}${query.size === 0 ? "" : `?${query.toString()}`}`;
}

/**
 * A name out of what a person gives, with the addresses of those who may know it: itself, `ipns://NAME`, also with `?from=ADDRESS`,
 * or a gateway's link, whose server may know it.
 */
export function readName(text: string): { readonly name: string; readonly from: readonly string[] } {
  const trimmed = text.trim().slice(0, MOST_LENGTH);
  const link = /^https?:\/\//.test(trimmed) ? URL.parse(trimmed) : null;
  const [written = "", query = ""] = trimmed.split("?", 2);
  const path = link ? link.pathname : written.replace(/^ipns:\/\//, "/ipns/");
  const found =
    /(?:^|\/ipns\/)([A-Za-z0-9]{1,128})\/?$/.exec(path)?.[1] ?? /\/ipns\/([A-Za-z0-9]{1,128})\//.exec(path)?.[1];
  const hints = link ? [`${link.origin}/`] : new URLSearchParams(query).getAll("from");
  const from = hints.filter((hint) => isPeerAddress(hint) || /^https?:$/.test(URL.parse(hint)?.protocol ?? ""));
  return { name: parseName(found ?? trimmed), from: from.slice(0, MOST_HINTS) };
}
