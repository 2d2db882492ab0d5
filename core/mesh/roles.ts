/** What a member may do. The whole table is here; nothing else compares roles. */
import * as v from "valibot";

/** From the most to the least. */
export const ROLES = ["owner", "editor", "commenter", "reader", "mirror"] as const;
export type Role = (typeof ROLES)[number];

/** Read it, comment on it, change it, run its cells for everyone, manage its members, be counted on to keep it. */
export type Right = "read" | "comment" | "edit" | "run" | "manage" | "keep";

const RIGHTS: Readonly<Record<Role, readonly Right[]>> = {
  owner: ["read", "comment", "edit", "run", "manage", "keep"],
  editor: ["read", "comment", "edit", "run"],
  commenter: ["read", "comment"],
  reader: ["read"],
  // A mirror must read what it hands on; it writes nothing.
  mirror: ["read", "keep"],
};

export const roleSchema = v.picklist(ROLES);
/** Ownership is given to a member by name, never by a link. */
export const linkRoleSchema = v.picklist(["editor", "commenter", "reader", "mirror"]);
export type LinkRole = v.InferOutput<typeof linkRoleSchema>;

/** True when that role has that right; nobody's role has none. */
export const roleMay = (role: Role | undefined, right: Right): boolean =>
  role !== undefined && RIGHTS[role].includes(right);

/** Negative when `left` is more than `right`. */
export const compareRoles = (left: Role, right: Role): number => ROLES.indexOf(left) - ROLES.indexOf(right);
