/**
 * The author of a change, as Automerge keeps it with the first change of each actor: bytes in hexadecimal, here those of
 * a member's id. It is what the author's own program wrote and nothing proves it: what is proved is only that a member
 * who may write let it in.
 */

const AUTHOR = /^(?:[2-7][0-9a-f]){1,100}$/;

/** A member's id as Automerge takes an author. */
export function authorOfMember(member: string): string {
  return Array.from(new TextEncoder().encode(member), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The member's id again; undefined for no author, or one that is no id. */
export function memberOfAuthor(author: string | null | undefined): string | undefined {
  if (typeof author !== "string" || !AUTHOR.test(author)) return undefined;
  return author.replaceAll(/../g, (byte) => String.fromCharCode(Number.parseInt(byte, 16)));
}
