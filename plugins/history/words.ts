/** How times, people and changes are said. */
import type { CellDifference, CellPart } from "#core/notebook/differences.ts";
import type { HistorySession } from "#core/notebook/history.ts";
import type { HistoryPerson } from "#core/notebook/history-people.ts";
import type { Sharing } from "#core/mesh/messages.ts";
import { shownName } from "#kit/people.ts";

const dayAndTime = new Intl.DateTimeFormat("en", {
  weekday: "short",
  day: "numeric",
  month: "short",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});
const andList = new Intl.ListFormat("en", { type: "conjunction" });

/** The moments from and to which somebody worked; "The beginning" where no clock was asked. */
export function timeWords({ from, to }: Pick<HistorySession, "from" | "to">): string {
  return to === 0 ? "The beginning" : dayAndTime.formatRange(from, to);
}

/** One moment. */
export const momentWords = (time: number): string => dayAndTime.format(time);

/** "1 change", "2 changes". */
export const countWords = (count: number, word: string): string =>
  `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

/** What a member is called; undefined for one of whom nothing is known. */
export function personWords(member: string | undefined, sharing: Sharing | undefined): string | undefined {
  if (member === undefined) return undefined;
  if (member === sharing?.me) return "you";
  const known = [...(sharing?.members ?? []), ...(sharing?.former ?? [])].find(({ id }) => id === member);
  return known ? shownName(known.name) : "somebody who is no member";
}

/** What is said of changes that name somebody who has not signed them. */
export const NOT_SIGNED = "not signed";

/** Those who are known among the people, as a list, and whether some of it is not signed; empty when nobody is. */
export function peopleWords(people: readonly HistoryPerson[], sharing: Sharing | undefined): string {
  const names = people.flatMap(({ member }) => personWords(member, sharing) ?? []);
  const shown = names.length > 4 ? [...names.slice(0, 3), `${names.length - 3} others`] : names;
  if (!people.some(({ unsigned }) => unsigned)) return andList.format(shown);
  return names.length === 0 ? NOT_SIGNED : `${andList.format(shown)}, partly ${NOT_SIGNED}`;
}

/** The same after a verb: "by Ana". */
export function byWords(people: readonly HistoryPerson[], sharing: Sharing | undefined): string {
  const words = peopleWords(people, sharing);
  return words === "" || words === NOT_SIGNED ? words : `by ${words}`;
}

const partWords: Readonly<Record<CellPart, string>> = {
  text: "text",
  place: "place",
  language: "language",
  settings: "settings",
  outputs: "outputs",
};

/** What happened to a cell. */
export function kindWords({ kind, parts }: CellDifference): string {
  if (kind === "added") return "added";
  if (kind === "deleted") return "deleted";
  if (parts.length === 1 && parts[0] === "place") return "moved";
  return `${andList.format(parts.map((part) => partWords[part]))} changed`;
}

/** What an error says to a person. */
export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The first line of a source that says something, short. */
export function firstLine(source: string): string {
  const line = source.split("\n").find((text) => text.trim() !== "") ?? "";
  return line.length > 80 ? `${line.slice(0, 79).toWellFormed()}…` : line || "empty";
}
