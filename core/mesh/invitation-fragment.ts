/** By what a link that lets somebody in is known before the code that reads it is loaded. */

/** What the fragment of such a link begins with. */
export const INVITATION_PREFIX = "join=";

/** True for the fragment of a link that lets somebody in, with or without its `#`. */
export const isInvitationFragment = (fragment: string): boolean =>
  fragment.replace(/^#/, "").startsWith(INVITATION_PREFIX);
