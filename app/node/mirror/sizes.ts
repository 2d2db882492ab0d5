/** Sizes as people write and read them: decimal, as disks are sold. */
import { UsageError } from "../cli-error.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, kB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** The bytes that an option like "10GB" means. A usage error, which names the option, for what is no size. */
export function readSize(option: string, text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,6}(?:\.\d{1,3})?) ?(kB|MB|GB|TB|)$/.exec(text) ?? [];
  const bytes = Math.round(Number(digits) * (UNITS[unit] ?? Number.NaN));
  if (digits === "" || !Number.isSafeInteger(bytes))
    throw new UsageError(`${option} takes a size like 10GB, not "${text}"`);
  return bytes;
}

/** A size in words, with its biggest unit. */
export function sizeWords(bytes: number): string {
  const [unit, size] = Object.entries(UNITS).findLast(([, least]) => bytes >= least) ?? ["", 1];
  return unit === "" ? `${bytes} bytes` : `${Number((bytes / size).toPrecision(3))} ${unit}`;
}
