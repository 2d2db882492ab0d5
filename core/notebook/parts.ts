/** What a shared notebook consists of. Each part is a document of its own, since others may write into one and not into another. */

export const PARTS = ["notebook", "comments", "files"] as const;
export type Part = (typeof PARTS)[number];
