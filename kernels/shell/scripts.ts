/** Cells that are scripts: their first line names the program that runs them, as in a file of Unix. */

/** What runs a cell that is a script: Python, by way of the copy that is kept ready, or whatever its first line names. */
export function interpreterOf(code: string): "python" | "any" | undefined {
  if (!code.startsWith("#!")) return undefined;
  return /^#![ \t]*(?:\/usr)?\/bin\/(?:env[ \t]+)?python[\d.]*(?:[ \t]|$)/.test(firstLine(code)) ? "python" : "any";
}

/** True if a cell may start Python: as its own program, or by name. */
export function usesPython(code: string): boolean {
  return interpreterOf(code) === "python" || /(?:^|[\s;&|(`/])(?:python|pip)[\d.]*(?=[\s;&|)`]|$)/m.test(code);
}

function firstLine(code: string): string {
  const end = code.indexOf("\n");
  return (end < 0 ? code : code.slice(0, end)).replace(/\r$/, "");
}
