/** npm names, versions and package.json files, as data: what a specifier asks for and which file of a package it means. */

/** What a specifier asks for. */
export interface Package {
  readonly name: string;
  readonly version: string | undefined;
  readonly path: string;
}

/** `npm:@scope/name@^1.2/sub/path` in its parts; undefined for what is no npm name. */
export function parsePackage(specifier: string): Package | undefined {
  const found = /^(?:npm:\/?)?((?:@[\w.-]+\/)?[\w.-]+)(?:@([^/]+))?(?:\/(.+))?$/.exec(specifier);
  if (!found || found[1]!.startsWith(".")) return undefined;
  return { name: found[1]!, version: found[2], path: found[3] ?? "" };
}

const numbers = (version: string) => version.split(/[-+]/)[0]!.split(".").map(Number);

/** Whether a version fits a wish: exact, "1", "1.2", "^1.2.3", "~1.2.3", ">=1", "latest", "*". */
export function satisfies(version: string, wish: string | undefined): boolean {
  if (wish === undefined || wish === "latest" || wish === "*" || wish === "") return true;
  const operator = /^(\^|~|>=|v|=)?/.exec(wish)![0];
  const wanted = numbers(wish.slice(operator.length).replace(/\.[x*].*$/, ""));
  const have = numbers(version);
  if (wanted.some(Number.isNaN)) return version === wish;
  let difference = 0;
  for (let index = 0; index < 3 && difference === 0; index++)
    difference = (have[index] ?? 0) - (wanted[index] ?? (operator === "" ? (have[index] ?? 0) : 0));
  if (operator === ">=") return difference >= 0;
  if (operator === "^" || operator === "~") {
    const firstGiven =
      operator === "~"
        ? Math.min(1, wanted.length - 1)
        : Math.max(
            0,
            wanted.findIndex((part) => part !== 0),
          );
    return difference >= 0 && wanted.slice(0, firstGiven + 1).every((part, index) => part === have[index]);
  }
  return difference === 0;
}

/** The part of a package.json that says where its modules are. */
export interface PackageFile {
  readonly version?: string;
  readonly type?: string;
  readonly module?: string;
  readonly main?: string;
  readonly browser?: unknown;
  readonly exports?: unknown;
}

/** What `exports` of a package.json gives for "./path" (or "." for ""), by the conditions browser, import, default. */
export function exportedFile(exports: unknown, path: string): string | undefined {
  if (typeof exports === "string") return path === "" ? exports : undefined;
  if (Array.isArray(exports)) return exports.map((item) => exportedFile(item, path)).find((item) => item !== undefined);
  if (typeof exports !== "object" || exports === null) return undefined;
  const table = exports as Readonly<Record<string, unknown>>;
  if (Object.keys(table).some((key) => key.startsWith("."))) {
    const key = path === "" ? "." : `./${path}`;
    if (key in table) return exportedFile(table[key], "");
    for (const [pattern, target] of Object.entries(table)) {
      const [before, after] = pattern.split("*");
      if (after === undefined || !key.startsWith(before!) || !key.endsWith(after)) continue;
      return exportedFile(target, "")?.replaceAll("*", key.slice(before!.length, key.length - after.length));
    }
    return undefined;
  }
  if (path !== "") return undefined;
  for (const condition of ["browser", "module", "import", "default"]) {
    const found = condition in table ? exportedFile(table[condition], "") : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Throws, with what to do, if the text is a CommonJS module. */
export function refuseCommonJs(text: string, url: string): void {
  if (
    /(?:^|[\n;}])\s*(?:import|export)\b/.test(text) ||
    !/\bmodule\.exports\b|\bexports\.\w+\s*=|\brequire\s*\(/.test(text)
  )
    return;
  throw new Error(
    `${url} is a CommonJS module, which cells cannot import: use a build of it as an ECMAScript module (its "+esm" or ".mjs" file)`,
  );
}
