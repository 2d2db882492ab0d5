/** Keeping artefacts on other machines: what a host needs of whoever speaks to pinning services. */
import type { KeptElsewhere } from "./messages.ts";

/** The pins at services, tried until they are done. All reject with a KromaError. */
export interface Elsewhere {
  /** Addresses of the services there is a token for. */
  services(): Promise<readonly string[]>;
  /** Keeps the token for a service, or forgets it. `invalid` for an address or a token that is none. */
  setService(service: string, token: string | undefined): Promise<void>;
  list(): Promise<readonly KeptElsewhere[]>;
  /** Kept when it resolves; the service is asked from then on. */
  want(service: string, cid: string, name: string): Promise<void>;
  /** Rejects while the service can't be told. */
  unwant(service: string, cid: string): Promise<void>;
  onChange(listener: () => void): () => void;
}
