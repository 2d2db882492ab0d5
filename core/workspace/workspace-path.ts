/** Paths as people write them of the notebook's files, for what plugins read and write there. */
import { KromaError } from "../base/errors.ts";

/** A path as the workspace names it: a relative one stands under its root. Throws `invalid` outside of /workspace. */
export function workspacePath(path: string): string {
  const names: string[] = [];
  for (const part of (path.startsWith("/") ? path : `/workspace/${path}`).split("/")) {
    if (part === "..") names.pop();
    else if (part !== "" && part !== ".") names.push(part);
  }
  if (names.shift() !== "workspace")
    throw new KromaError("invalid", `${path} lies outside of /workspace, which is all that models are read from.`);
  return names.join("/");
}
