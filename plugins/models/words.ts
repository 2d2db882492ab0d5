/** How models are said. */
import { licenceWords } from "#core/artefact/licence.ts";
import { fileSize } from "#kit/file-size.ts";
import type { ModelUse, StoredModel } from "#kit/models.ts";

/** A sentence for what went wrong. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** How much of a model is here. */
export function sizeWords({ isWhole, here, size }: StoredModel): string {
  if (isWhole && size !== undefined) return fileSize(size);
  const all = size === undefined ? "" : ` of ${fileSize(size)}`;
  return here === undefined ? `not all${all} is here` : `${fileSize(here)}${all} is here`;
}

/** Where it came from: the host, or that it is known by its content; and who gave it. */
export function sourceWords({ address, isFromPeople }: Pick<StoredModel, "address" | "isFromPeople">): string {
  const named = address.startsWith("ipfs://") ? "by its CID" : `of ${URL.parse(address)?.host ?? address}`;
  if (isFromPeople) return `from people of a notebook, ${named}`;
  return named.replace(/^of /, "from ");
}

/** Under which terms, as its publisher says. */
export const termsWords = ({ licence }: Pick<StoredModel, "licence">): string =>
  licence === undefined ? "licence not known" : licenceWords(licence);

/** When it was wanted last. */
export const usedWords = ({ used }: Pick<StoredModel, "used">): string =>
  `last used ${new Date(used).toLocaleDateString(undefined, { dateStyle: "medium" })}`;

/** Who has it loaded in the open notebook; undefined when nobody has. */
export function useWords(addresses: readonly string[], use: ModelUse | undefined): string | undefined {
  const loaded = use?.models.find((model) => model.addresses.some((address) => addresses.includes(address)));
  return loaded && holdersWords(loaded);
}

/** What a model that is loaded takes, for whom, and what runs it. */
export function holdersWords({ memory, holders, device, deviceReason }: ModelUse["models"][number]): string {
  const who =
    holders === 0 ? "no cell holds it" : `held ${holders === 1 ? "once" : `${holders} times`} by this notebook`;
  const where = device === "webgpu" ? "the graphics processor" : "the processor";
  const runs = deviceReason === undefined ? "" : `; it runs on ${where}: ${deviceReason}`;
  return `loaded: about ${fileSize(memory)} of memory, ${who}${runs}`;
}

/** How far a download is. */
export function progressWords({
  bytes,
  total,
}: {
  readonly bytes: number;
  readonly total: number | undefined;
}): string {
  return total === undefined ? `${fileSize(bytes)} so far` : `${fileSize(bytes)} of ${fileSize(total)}`;
}

/** The start and the end of a long name made by a hash. */
export const shortened = (cid: string): string => (cid.length > 24 ? `${cid.slice(0, 12)}…${cid.slice(-8)}` : cid);

/** What a model is called that somebody else has. */
export function offeredName({ address }: { readonly address: string }): string {
  const last = address.split("/").pop() ?? address;
  return address.startsWith("ipfs://") && !last.includes(".") ? shortened(last) : last;
}
