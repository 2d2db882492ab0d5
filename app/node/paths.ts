/** Where Kroma keeps things on this machine. Nothing of it lies in the checkout, so a fresh clone finds it again. */
import { homedir } from "node:os";
import { join } from "node:path";

/** The cache folder: KROMA_CACHE, or the platform's usual one. Safe to delete. */
export function cacheFolder(): string {
  const named = process.env["KROMA_CACHE"];
  if (named !== undefined && named !== "") return named;
  if (process.platform === "darwin") return join(homedir(), "Library/Caches/kroma");
  if (process.platform === "win32") return join(process.env["LOCALAPPDATA"] ?? homedir(), "kroma/cache");
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "kroma");
}

/** The folder of what is to be kept: KROMA_HOME, or the platform's usual one. KROMA_DATA is its older name. */
export function dataFolder(): string {
  const named = process.env["KROMA_HOME"] || process.env["KROMA_DATA"];
  if (named !== undefined && named !== "") return named;
  if (process.platform === "darwin") return join(homedir(), "Library/Application Support/kroma");
  if (process.platform === "win32") return join(process.env["APPDATA"] ?? homedir(), "kroma");
  return join(process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"), "kroma");
}
