/** `kroma.get` and `kroma.set` over the workspace's client; how values become files is core/workspace/VALUES.md. */
import { VALUES_DIRECTORY } from "#core/workspace/workspace.ts";
import type { SyncFs } from "#core/workspace/sync-client.ts";

const path = (name: string) => `${VALUES_DIRECTORY}/${name}.json`;

export function setValue(files: SyncFs, name: string, value: unknown): void {
  files.writeFile(path(name), JSON.stringify(value));
}
export function getValue(files: SyncFs, name: string, fallback: { readonly value: unknown } | undefined): unknown {
  if (!files.exists(path(name)) && fallback) return fallback.value;
  return JSON.parse(files.readText(path(name))) as unknown;
}
export function listValues(files: SyncFs): string[] {
  return files.exists(VALUES_DIRECTORY)
    ? files.list(VALUES_DIRECTORY).map((entry) => entry.name.replace(/\.\w+$/, ""))
    : [];
}
export function removeValue(files: SyncFs, name: string): void {
  files.remove(path(name));
}
