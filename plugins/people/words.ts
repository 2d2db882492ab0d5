/** How roles, links and times are said. */
import type { LinkPath } from "#core/mesh/link.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import type { LinkRole, Role } from "#core/mesh/roles.ts";

/** A role as it stands beside a name and in a list of choices. */
export const roleWords: Readonly<Record<Role, string>> = {
  owner: "Owner",
  editor: "May edit",
  commenter: "May comment",
  reader: "May read",
  mirror: "Keeps a copy",
};

/** What a link lets its holder do, after "whoever has it may". */
export const allowWords: Readonly<Record<LinkRole, string>> = {
  editor: "edit the notebook",
  commenter: "read the notebook and comment on it",
  reader: "read the notebook",
  mirror: "keep a copy of the notebook and hand it on to its members",
};

const pathWords: Readonly<Record<LinkPath, string>> = {
  direct: "linked directly",
  relayed: "linked through a relay",
  server: "linked, an always-on machine",
};

/** How a member is reached now. */
export const linkWords = (path: LinkPath | undefined): string =>
  path === undefined ? "not connected" : pathWords[path];

/** How fast the links to a member are and what they have carried; undefined where there is none. */
export function trafficWords(
  links: readonly { readonly sent: number; readonly received: number; readonly roundTrip: number | undefined }[],
): string | undefined {
  if (links.length === 0) return undefined;
  const times = links.flatMap(({ roundTrip }) => roundTrip ?? []);
  const carried = links.reduce((sum, link) => sum + link.sent + link.received, 0);
  const time = times.length === 0 ? "" : `${Math.max(1, Math.round(Math.min(...times)))} ms there and back · `;
  return `${time}${bytesWords(carried)} so far`;
}

const bytesWords = (bytes: number): string =>
  bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;

/** What oneself may not do in the notebook, and who can change that; undefined for owners. */
export function limitWords(sharing: Sharing): string | undefined {
  const owners = sharing.members.filter(({ role }) => role === "owner").map(({ name }) => name || "the owner");
  const who = owners.length === 0 ? "an owner" : new Intl.ListFormat("en", { type: "disjunction" }).format(owners);
  if (sharing.role === "editor") return `You may edit. Inviting others and giving roles is for ${who}.`;
  if (sharing.role === "commenter") return `You may read and comment. To edit, ask ${who}.`;
  if (sharing.role === "reader") return `You may read. To comment or edit, ask ${who}.`;
  if (sharing.role === "mirror") return "This Kroma keeps a copy for the others and changes nothing.";
  return undefined;
}

const dayAndTime = new Intl.DateTimeFormat("en", {
  day: "numeric",
  month: "long",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});
const dayOnly = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });

/** A moment in the days to come. */
export const untilWords = (time: number): string => dayAndTime.format(time);
/** A day that was. */
export const dayWords = (time: number): string => dayOnly.format(time);

/** What an error says to a person. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
