/** The kernels' settings on the command line come from the environment; without it, nothing is fetched from elsewhere. */
import { pathToFileURL } from "node:url";
import type { KernelSettings } from "#core/kernel/kernel.ts";

/** What the environment says. Folders are URLs or paths; lists are separated by spaces. */
export function settingsFromEnvironment(environment: NodeJS.ProcessEnv): Partial<KernelSettings> {
  const packages = environment["KROMA_PYODIDE_PACKAGES"];
  const index = environment["KROMA_PYTHON_INDEX"];
  const cdn = environment["KROMA_NPM_CDN"];
  const wheels = folders(environment["KROMA_WHEEL_MIRRORS"]);
  const modules = folders(environment["KROMA_NPM_MIRRORS"]);
  return {
    ...(packages ? { pyodidePackages: folderUrl(packages) } : {}),
    ...(index ? { pythonIndex: folderUrl(index) } : {}),
    ...(cdn ? { npmCdn: cdn } : {}),
    ...(wheels.length > 0 ? { wheelMirrors: wheels } : {}),
    ...(modules.length > 0 ? { npmMirrors: modules } : {}),
  };
}

function folders(value: string | undefined): readonly string[] {
  return (value ?? "")
    .split(" ")
    .filter((part) => part !== "")
    .map(folderUrl);
}

function folderUrl(value: string): string {
  const url = /^[a-z]+:\/\//.test(value) ? value : pathToFileURL(value).href;
  return url.endsWith("/") ? url : `${url}/`;
}
