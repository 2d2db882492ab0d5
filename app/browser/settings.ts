/**
 * What a person can set, kept in this browser. Checked on reading: a broken or old value falls back to its default
 * and never keeps the page from starting.
 */
import * as v from "valibot";
import { LINUX_NOTE } from "#core/artefact/places.ts";
import { defaultSettings } from "#core/kernel/defaults.ts";
import type { KernelSettings } from "#core/kernel/kernel.ts";

const KEY = "kroma-settings";
const MIB = 1024 * 1024;

const address = v.pipe(v.string(), v.trim());
const Schema = v.object({
  theme: v.fallback(v.picklist(["system", "light", "dark", "contrast"]), "system"),
  /** Folder of Pyodide packages that are not shipped; empty: none. */
  pyodidePackages: v.fallback(address, defaultSettings.pyodidePackages),
  pythonIndex: v.fallback(address, defaultSettings.pythonIndex),
  npmCdn: v.fallback(address, defaultSettings.npmCdn),
  /** Where models are fetched by their names ("hub:owner/name/file"); empty: nowhere. */
  modelHub: v.fallback(address, defaultSettings.modelHub),
  wheelMirrors: v.fallback(v.array(address), []),
  npmMirrors: v.fallback(v.array(address), []),
  pythonMemory: v.fallback(
    v.pipe(v.number(), v.minValue(64 * MIB), v.maxValue(4096 * MIB)),
    defaultSettings.pythonMemory,
  ),
  /** Models of a shared notebook are given to its people. */
  givesModels: v.fallback(v.boolean(), true),
  /** CID of a Linux image that is taken from the gateways instead of the page's host; empty: none. */
  linuxImage: v.fallback(address, ""),
  /** Whose machine Linux is from one visit to the next: each notebook's, one of all notebooks, or nobody's. */
  linuxKeeps: v.fallback(v.picklist(["notebook", "shared", "nothing"]), "notebook"),
  /** Addresses (multiaddrs) of relays and mirrors through which others reach this browser, besides the page's own host. */
  relays: v.fallback(v.array(address), []),
  /** Addresses of trustless gateways that are asked for what others published, besides the page's own mirror. */
  gateways: v.fallback(v.array(address), []),
  /** WebRTC's STUN and TURN servers, as URLs; none are asked otherwise. */
  iceServers: v.fallback(v.array(address), []),
  vmMemory: v.fallback(v.pipe(v.number(), v.minValue(64 * MIB), v.maxValue(2048 * MIB)), defaultSettings.vmMemory),
});

export type Settings = v.InferOutput<typeof Schema>;
export type Theme = Settings["theme"];

/** True for what a gateway's address may be. */
export const isWebAddress = (address: string): boolean => /^https?:$/.test(URL.parse(address)?.protocol ?? "");

const asFolder = (url: string): string => (url.endsWith("/") ? url : `${url}/`);

/** The settings as they stand; defaults where nothing valid is stored. */
export function readSettings(): Settings {
  let stored: unknown;
  try {
    stored = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    // Storage denied, or not JSON: the defaults do.
  }
  const known = typeof stored === "object" && stored !== null ? stored : {};
  return v.parse(Schema, known);
}

/** Stores settings; false when this browser refuses to. */
export function writeSettings(settings: Settings): boolean {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
    return true;
  } catch {
    return false;
  }
}

/** The settings as kernels want them. `asset` gives the URL of a shipped file. */
export function kernelSettings(settings: Settings, asset: (path: string) => string): KernelSettings {
  return {
    ...(settings.pyodidePackages === "" ? {} : { pyodidePackages: asFolder(settings.pyodidePackages) }),
    ...(settings.pythonIndex === "" ? {} : { pythonIndex: asFolder(settings.pythonIndex) }),
    ...(settings.npmCdn === "" ? {} : { npmCdn: settings.npmCdn }),
    ...(settings.modelHub === "" ? {} : { modelHub: settings.modelHub }),
    wheelMirrors: [asset("wheels/"), ...settings.wheelMirrors.filter((url) => url !== "").map(asFolder)],
    npmMirrors: settings.npmMirrors.filter((url) => url !== "").map(asFolder),
    vmImage: asset("vm/"),
    // Among the files of a published Kroma, or beside a copy in the folder "kroma/" of a notebook.
    vmImageNotes: [`../${LINUX_NOTE}`, `../../${LINUX_NOTE}`].map(asset),
    ...(settings.linuxImage === "" ? {} : { vmImageCid: settings.linuxImage }),
    gateways: settings.gateways.filter(isWebAddress),
    pythonMemory: settings.pythonMemory,
    vmMemory: settings.vmMemory,
  };
}
