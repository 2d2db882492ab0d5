/** How much a mirror gives to each member and to all, as options of the command. */
import { UsageError } from "../cli-error.ts";
import { defaultMirrorLimits, type MirrorLimits, type QuotaLimits } from "./member-quotas.ts";
import { readSize } from "./sizes.ts";

/** For parseArgs. */
export const quotaOptions = {
  storage: { type: "string" },
  traffic: { type: "string" },
  relay: { type: "string" },
  notebooks: { type: "string" },
  "member-storage": { type: "string" },
  "member-traffic": { type: "string" },
  "member-relay": { type: "string" },
  "member-notebooks": { type: "string" },
} as const;

/** What parseArgs makes of them. */
export type QuotaOptions = { readonly [name in keyof typeof quotaOptions]?: string | undefined };

/** The limits that they set; what is not said is as by default. A usage error for what is no size or number. */
export function readQuotas(values: QuotaOptions): MirrorLimits {
  const { member, all } = defaultMirrorLimits;
  return { member: read(values, "member-", member), all: read(values, "", all) };
}

function read(values: QuotaOptions, prefix: "" | "member-", otherwise: QuotaLimits): QuotaLimits {
  const size = (name: "storage" | "traffic" | "relay", by: number): number => {
    const text = values[`${prefix}${name}`];
    return text === undefined ? by : readSize(`mirror: --${prefix}${name}`, text);
  };
  const notebooks = values[`${prefix}notebooks`];
  if (notebooks !== undefined && !/^\d{1,7}$/.test(notebooks))
    throw new UsageError(`mirror: --${prefix}notebooks takes a number, not "${notebooks}"`);
  return {
    stored: size("storage", otherwise.stored),
    received: size("traffic", otherwise.received),
    relayed: size("relay", otherwise.relayed),
    notebooks: notebooks === undefined ? otherwise.notebooks : Number(notebooks),
  };
}
