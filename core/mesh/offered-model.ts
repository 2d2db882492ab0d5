/** What a member tells of a model that the others of a notebook can have from them (SPEC.md, D1). Light: the first screen reads it. */

/** The most that one member offers in a notebook. */
export const MOST_OFFERED = 64;
/** The longest address, in UTF-16 code units. */
export const LONGEST_OFFERED_ADDRESS = 2048;

/** A model that is offered. */
export interface OfferedModel {
  /** Where it was fetched: "https://…" or "ipfs://CID/path". */
  readonly address: string;
  /** The one in its address, or that of the file in UnixFS. */
  readonly cid: string;
  /** Bytes. */
  readonly size: number;
}
