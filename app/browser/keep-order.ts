/** Which files of a build a browser keeps for visits without network, and in which order: what was used comes first. */

/** What a kernel needs, kept as a whole when it is used, so that it works without network to its last module. */
const KERNELS: Readonly<Record<string, readonly string[]>> = {
  python: ["assets/pyodide/", "assets/wheels/"],
  typescript: ["assets/npm/"],
  shell: ["assets/v86/"],
  sql: ["assets/duckdb/"],
};

/** The page itself. */
export const PAGE = "index.html";

/** What every visit may need: the page with all that it loads by itself. Fonts are kept as they are used. */
const ofThePage = (path: string): boolean =>
  path === PAGE || path === "notebooks/index.json" || /^app\/.*\.(js|css|wasm)$/.test(path);

const isOf = (kernel: string, path: string): boolean =>
  (KERNELS[kernel] ?? []).some((folder) => path.startsWith(folder));

/** The kernels that have files among these. */
export function kernelsOf(paths: readonly string[]): readonly string[] {
  return Object.keys(KERNELS).filter((kernel) => paths.some((path) => isOf(kernel, path)));
}

/**
 * The files of a build that are kept, of all its `paths`: the page and what it has used, then the rest of what the kernels
 * that were used need, then the parts of the page that nobody has opened yet.
 */
export function filesToKeep(
  paths: readonly string[],
  used: ReadonlySet<string>,
  kernels: readonly string[],
): readonly string[] {
  const rank = (path: string): number => {
    if (path === PAGE || used.has(path)) return 0;
    if (kernels.some((kernel) => isOf(kernel, path))) return 1;
    return ofThePage(path) ? 2 : 3;
  };
  const ranked = paths.map((path) => ({ path, order: rank(path) })).filter(({ order }) => order < 3);
  // Sorting keeps the order of those of one rank.
  return ranked.sort((a, b) => a.order - b.order).map(({ path }) => path);
}
