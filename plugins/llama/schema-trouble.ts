/**
 * What of a JSON Schema can't be one. llama.cpp makes a grammar of it, and what it can't read is passed over by one of its
 * hosts and ends the other: so it is looked at before.
 */

const TYPES: readonly unknown[] = ["string", "number", "integer", "boolean", "array", "object", "null"];
/** Keywords that hold schemas: one, a list, or some by name. */
const INSIDE = ["items", "additionalProperties", "not", "anyOf", "oneOf", "allOf", "prefixItems"] as const;
const BY_NAME = ["properties", "$defs", "definitions", "patternProperties"] as const;
const DEEPEST = 64;

/** The first trouble, as a sentence; undefined when there is none. */
export function schemaTrouble(schema: unknown, path = "", depth = 0): string | undefined {
  if (typeof schema === "boolean") return undefined;
  const at = path === "" ? "At its top" : `At ${path}`;
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return `${at} is no schema.`;
  if (depth > DEEPEST) return `It is more than ${DEEPEST} levels deep.`;
  const keywords = schema as Readonly<Record<string, unknown>>;
  const { type } = keywords;
  const unknown = (Array.isArray(type) ? (type as readonly unknown[]) : [type]).find((name) => !TYPES.includes(name));
  if (type !== undefined && unknown !== undefined)
    return `${at} is the type ${JSON.stringify(unknown)}, which JSON does not have.`;
  const parts: (readonly [string, unknown])[] = [];
  for (const keyword of INSIDE) {
    const value = keywords[keyword];
    if (Array.isArray(value)) parts.push(...value.map((part, index) => [`${keyword}/${index}`, part] as const));
    else if (value !== undefined) parts.push([keyword, value]);
  }
  for (const keyword of BY_NAME) {
    const value = keywords[keyword];
    if (typeof value !== "object" || value === null) continue;
    parts.push(...Object.entries(value).map(([name, part]) => [`${keyword}/${name}`, part] as const));
  }
  for (const [name, part] of parts) {
    const trouble = schemaTrouble(part, `${path}/${name}`, depth + 1);
    if (trouble !== undefined) return trouble;
  }
  return undefined;
}
