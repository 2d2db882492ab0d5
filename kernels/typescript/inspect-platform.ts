/**
 * Objects of the platform (Response, Headers, URL …) have no properties of their own in browsers, only getters of their
 * class: what those say is what a reader wants to see. In Node such objects show themselves.
 */

const isNative = (value: unknown): boolean =>
  typeof value === "function" && /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(value));

const URL_PARTS = "href origin protocol username password host hostname port pathname search searchParams hash".split(
  " ",
);

/** A part of such an object; `isPair` if it is an entry of a collection. */
export interface PlatformPart {
  readonly name: string;
  readonly value: unknown;
  readonly isPair?: boolean;
}

/** What the getters of a platform's class say of `value`; undefined if it is of no such class. */
export function platformParts(
  value: object,
  name: string | undefined,
  tag: string,
): readonly PlatformPart[] | undefined {
  if (name === undefined || name !== tag || value === globalThis) return undefined;
  const constructor = (globalThis as unknown as Record<string, unknown>)[name];
  if (!isNative(constructor) || Object.keys(value).length > 0) return undefined;
  if (name === "URLSearchParams" || name === "Headers" || name === "FormData") {
    const parts: PlatformPart[] = [];
    (value as { forEach(visit: (item: unknown, key: string) => void): void }).forEach((item, key) =>
      parts.push({ name: key, value: item, isPair: name === "URLSearchParams" }),
    );
    return parts;
  }
  const getters = new Map<string, () => unknown>();
  for (
    let object = Object.getPrototypeOf(value) as object | null;
    object && object !== Object.prototype;
    object = Object.getPrototypeOf(object) as object | null
  ) {
    for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(object)))
      if (property.get && isNative(property.get) && !getters.has(key) && !key.startsWith("on"))
        getters.set(key, property.get.bind(value));
  }
  if (getters.size === 0) return undefined;
  const parts: PlatformPart[] = [];
  for (const key of name === "URL" ? URL_PARTS : getters.keys()) {
    try {
      parts.push({ name: key, value: getters.get(key)?.() });
    } catch {
      // A prototype has the getters but nothing for them to read.
    }
  }
  return parts;
}
