/** How artefacts, their authors and their powers are said. */
import type { ArtefactSummary, KeptElsewhere, Signed } from "#core/artefact/messages.ts";

/** A sentence for what went wrong. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A day, as people read it. */
export const dayWords = (time: number): string => new Date(time).toLocaleDateString(undefined, { dateStyle: "medium" });

/** A count with its noun. */
export const countWords = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** The host of an address, for people. */
export const hostOf = (address: string): string => URL.parse(address)?.host ?? address;

/** How a pin at a service stands. */
export function elsewhereWords({ service, state, details }: KeptElsewhere): string {
  const words = {
    waiting: "waiting",
    queued: "waiting",
    pinning: "being pinned",
    pinned: "pinned",
    refused: "refused",
  }[state];
  return `${hostOf(service)}: ${words}${details === "" || state === "pinned" ? "" : ` (${details})`}`;
}

/** The start and the end of a long name made by a hash. */
export const shortened = (cid: string): string => (cid.length > 24 ? `${cid.slice(0, 12)}…${cid.slice(-8)}` : cid);

/** What is to be thought of a signature: fine, nothing known yet, or something is wrong. */
export type Standing = "good" | "open" | "alarm";

/** Who signed, in a sentence, and what is to be thought of it. */
export function signatureWords({ signed, broken }: Pick<ArtefactSummary, "signed" | "broken">): {
  readonly standing: Standing;
  readonly text: string;
} {
  // The best known first; a stranger's signature beside takes nothing from it.
  const [best] = [...signed].sort((left, right) => rank(left) - rank(right));
  const impostor = signed.find(({ standing }) => standing === "impostor");
  if (best && best.standing !== "impostor" && best.standing !== "new") return ofKnown(best);
  if (impostor)
    return {
      standing: "alarm",
      text: `Careful: it is signed in the name of ${quoted(impostor.claimed)}, but not with the keys that you know from them. Somebody may use their name; or they have new keys, which they should tell you themselves.`,
    };
  if (best)
    return {
      standing: "open",
      text: `Signed by somebody who calls themself ${quoted(best.claimed)}. You have not met these keys before, so the name is only what they say.`,
    };
  if (broken > 0)
    return {
      standing: "alarm",
      text: "Its signature does not hold: somebody changed it, or signed something else. Who made it is not known.",
    };
  return { standing: "open", text: "Nobody signed it. It is what its address says, but who made it is not known." };
}

function ofKnown({ standing, petname, claimed }: Signed): { readonly standing: Standing; readonly text: string } {
  if (standing === "you") return { standing: "good", text: "Signed by you." };
  const other = claimed !== "" && claimed !== petname ? `, who calls themself ${quoted(claimed)}` : "";
  return { standing: "good", text: `Signed by ${petname}${other}. You know these keys.` };
}

const ORDER: readonly Signed["standing"][] = ["you", "known", "new", "impostor"];
const rank = ({ standing }: Signed): number => ORDER.indexOf(standing);

const quoted = (name: string): string => (name === "" ? "nobody" : `“${name}”`);

/** The powers that this Kroma has words for: what one would do with each. */
export const CAPABILITIES: Readonly<Record<string, string>> = {
  network: "reach the network",
  storage: "store data of its own",
  clipboard: "use the clipboard",
  camera: "use the camera",
  microphone: "use the microphone",
  location: "know where you are",
  machine: "start a Linux machine in this tab",
};

/** A power that is asked for, after "it asks to". */
export function capabilityWords(capability: string): string {
  const [name = "", what] = capability.split(/:(.*)/s);
  const words = Object.hasOwn(CAPABILITIES, name)
    ? CAPABILITIES[name]
    : `use “${name}”, which this Kroma does not know`;
  return what === undefined || what === "" ? `${words}` : `${words}: ${what}`;
}

/** What running it does, as sentences, whatever it asks for. */
export function powerWords({
  kind,
  capabilities,
  environment,
}: Pick<ArtefactSummary, "kind" | "capabilities" | "environment">) {
  if (kind === "model")
    return ["It is weights and operators, no code: a cell gives it arrays and gets arrays. It reaches nothing else."];
  const packages = environment.packages.length + environment.npm.length;
  return [
    "Its code runs in this tab when you run a cell, and reads and writes the files that came with it.",
    "Until you trust it, that code runs apart: it can't reach your other notebooks, what Kroma stores, or the network.",
    ...(packages === 0 ? [] : [`It loads ${countWords(packages, "package")}, each checked against its hash.`]),
    ...capabilities.map((capability) => `It asks to ${capabilityWords(capability)}.`),
  ];
}
