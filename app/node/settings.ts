/** The environment's word on the kernels' settings. An empty variable switches the default off. */
import { pathToFileURL } from "node:url";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { KernelSettings } from "#core/kernel/kernel.ts";
import type { HubToken } from "#core/store/fetched.ts";

/** The defaults with what the environment says otherwise. Folders are URLs or paths; lists are separated by spaces. */
export function settingsFromEnvironment(environment: NodeJS.ProcessEnv): Partial<KernelSettings> {
  const { pyodidePackages, pythonIndex, npmCdn, modelHub, ...rest } = defaultSettings;
  const packages = environment["KROMA_PYODIDE_PACKAGES"] ?? pyodidePackages;
  const index = environment["KROMA_PYTHON_INDEX"] ?? pythonIndex;
  const cdn = environment["KROMA_NPM_CDN"] ?? npmCdn;
  const hub = environment["KROMA_MODEL_HUB"] ?? modelHub;
  const wheels = folders(environment["KROMA_WHEEL_MIRRORS"]);
  return {
    ...rest,
    ...(packages === "" ? {} : { pyodidePackages: folderUrl(packages) }),
    ...(index === "" ? {} : { pythonIndex: folderUrl(index) }),
    ...(hub === "" ? {} : { modelHub: hub }),
    ...(cdn === "" ? {} : { npmCdn: cdn }),
    wheelMirrors: wheels,
    npmMirrors: folders(environment["KROMA_NPM_MIRRORS"]),
  };
}

/** The token of the environment, for the hub of the environment. Kernels' threads have no environment, so no cell sees it. */
export function modelTokensFromEnvironment(environment: NodeJS.ProcessEnv): readonly HubToken[] {
  const token = environment["KROMA_MODEL_TOKEN"]?.trim() ?? "";
  const hub = URL.parse(environment["KROMA_MODEL_HUB"] ?? defaultSettings.modelHub);
  return token === "" || !hub ? [] : [{ origin: hub.origin, token }];
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
