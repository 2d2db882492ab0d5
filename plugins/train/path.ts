/** Paths of the workspace as cells write them. */
import { KromaError } from "#core/base/errors.ts";

/** A path as the workspace names it: a relative one stands under its root. Throws `invalid` outside of /workspace. */
export function workspacePath(path: string): string {
  const names: string[] = [];
  for (const part of (path.startsWith("/") ? path : `/workspace/${path}`).split("/")) {
    if (part === "..") names.pop();
    else if (part !== "" && part !== ".") names.push(part);
  }
  if (names.shift() !== "workspace" || names.length === 0)
    throw new KromaError("invalid", `${path} is no file below /workspace, where data and checkpoints are.`);
  return names.join("/");
}
