/**
 * The SQL kernel: cells are statements of DuckDB over the workspace's files, over values of the other languages and over
 * tables of its own, which live as long as it does. It asks nobody on the network.
 */
import type { Kernel } from "#core/kernel/kernel.ts";

/** The SQL kernel. */
export const sqlKernel: Kernel = {
  spec: {
    language: "sql",
    displayName: "SQL",
    kernelspec: "sql",
    languageInfo: { name: "sql", mimetype: "text/x-sql", file_extension: ".sql", pygments_lexer: "sql" },
    magics: ["%%sql"],
  },
  // Loaded by the first cell of it: most notebooks have none.
  start: async (start) => (await import("./running.ts")).startSql(start),
};
