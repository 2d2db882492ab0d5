/** What makes links. Adapters are plugins; the programs choose and list them. */
import type { Link } from "./link.ts";

export type TransportStatus = "off" | "starting" | "online" | "offline";

/** What a person sees of a transport. */
export interface TransportState {
  readonly status: TransportStatus;
  /** Where others can reach this one now, as addresses of the transport (multiaddrs). */
  readonly addresses: readonly string[];
  /** Relays, mirrors and peers that it keeps up links to, or tries to. */
  readonly targets: readonly TargetState[];
}

export interface TargetState {
  readonly address: string;
  readonly status: "dialling" | "connected" | "waiting" | "refused";
  /** Why the last attempt failed, a sentence for a person. */
  readonly trouble?: string;
  /** Milliseconds, of the last ping. */
  readonly roundTrip?: number;
}

export interface TransportOptions {
  /** Relays to be reached through and peers to be linked with: multiaddrs. Kept up until the transport ends. */
  readonly targets: readonly string[];
  /** WebRTC's ICE servers; empty for none. */
  readonly iceServers: readonly { readonly urls: string }[];
  /** A link to another Kroma is there, made by either side. */
  readonly onLink: (link: Link) => void;
  readonly onState: (state: TransportState) => void;
}

export interface RunningTransport {
  readonly state: TransportState;
  /** Adds a target. */
  reach(address: string): void;
  /** Drops it, and its link. */
  forget(address: string): void;
  /** The network may have changed, or the machine slept: looks at every link now. */
  wake(): void;
  close(): Promise<void>;
}

/** Starts a transport; rejects with `unavailable` where it can't run at all. */
export type Transport = (options: TransportOptions) => Promise<RunningTransport>;
