/** Names as panels reach them: what one's own stands for, and what those that one follows do. */

/** One's own name. */
export interface OwnName {
  readonly name: string;
  /** `/ipfs/…` that it stands for; undefined while it was never pointed at anything. */
  readonly value: string | undefined;
  /** How often it was pointed at something before. */
  readonly sequence: bigint | undefined;
  /** Unix time in milliseconds until which others believe it. */
  readonly validUntil: number | undefined;
}

/** A name that is followed. */
export interface FollowedName {
  readonly name: string;
  /** `/ipfs/…` that was agreed to last. */
  readonly accepted: string | undefined;
  /** `/ipfs/…` that it stands for now, as far as is known; undefined when nobody vouches for anything any more. */
  readonly newest: string | undefined;
  /** True when the newest is another than the one agreed to. */
  readonly hasNews: boolean;
}

/** What came of asking others: sentences about those who could not be asked. */
export interface Asked {
  readonly failures: readonly string[];
}

/** Names, one's own and others'. Servers are web addresses of mirrors and routers. */
export interface NameAccess {
  /** Undefined while nobody has published here. */
  own(): Promise<OwnName | undefined>;
  /** Points one's own name at something, and tells the servers. */
  publish(cid: string, servers: readonly string[], signal?: AbortSignal): Promise<OwnName & Asked>;
  followed(): Promise<readonly FollowedName[]>;
  /** Follows a name, or a link with one in it; the first version that is known is agreed to by that. */
  follow(text: string, servers: readonly string[], signal?: AbortSignal): Promise<FollowedName & Asked>;
  /** Asks the servers for news of all names; takes none. Lengthens the time of one's own that is nearly over. */
  refresh(servers: readonly string[], signal?: AbortSignal): Promise<Asked>;
  /** Takes this version for the name. */
  accept(name: string, value: string): Promise<void>;
  unfollow(name: string): Promise<void>;
}
