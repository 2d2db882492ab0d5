/**
 * Whether a value fits a JSON Schema (https://json-schema.org/draft/2020-12), as far as answers of language models need it:
 * type, enum, const, properties, required, additionalProperties, items, and limits of numbers, texts and lists. Other
 * keywords are passed over. Own code, because validators that are whole compile schemas with eval or weigh more than the chat.
 */

type Schema = Readonly<Record<string, unknown>>;

/** The first thing that does not fit, as a sentence's end ("at /age: number is wanted"); undefined when all fits. */
export function misfit(value: unknown, schema: unknown, path = ""): string | undefined {
  if (!isObject(schema)) return schema === false ? at(path, "nothing is wanted") : undefined;
  const { type } = schema;
  const types = typeof type === "string" ? [type] : Array.isArray(type) ? type : undefined;
  if (types && !types.some((name) => isOfType(value, name))) return at(path, `${types.join(" or ")} is wanted`);
  if ("const" in schema && !isSame(value, schema["const"]))
    return at(path, `${JSON.stringify(schema["const"])} is wanted`);
  const { enum: choices } = schema;
  if (Array.isArray(choices) && !choices.some((choice) => isSame(value, choice))) {
    return at(path, `one of ${JSON.stringify(choices)} is wanted`);
  }
  const limit = beyondLimits(value, schema);
  if (limit !== undefined) return at(path, limit);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const wrong = misfit(item, schema["items"], `${path}/${index}`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }
  return isObject(value) ? misfitOfObject(value, schema, path) : undefined;
}

function misfitOfObject(value: Schema, schema: Schema, path: string): string | undefined {
  const { required, properties, additionalProperties } = schema;
  const missing = Array.isArray(required) ? required.find((name) => !Object.hasOwn(value, String(name))) : undefined;
  if (missing !== undefined) return at(path, `“${String(missing)}” is missing`);
  const known = isObject(properties) ? properties : {};
  for (const [name, part] of Object.entries(value)) {
    const wanted = Object.hasOwn(known, name) ? known[name] : additionalProperties;
    const wrong = misfit(part, wanted, `${path}/${name}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function beyondLimits(value: unknown, schema: Schema): string | undefined {
  const size = typeof value === "number" ? value : typeof value === "string" || Array.isArray(value) ? value.length : 0;
  const [least, most] =
    typeof value === "number"
      ? ["minimum", "maximum"]
      : typeof value === "string"
        ? ["minLength", "maxLength"]
        : Array.isArray(value)
          ? ["minItems", "maxItems"]
          : [];
  if (least === undefined || most === undefined) return undefined;
  const [from, to] = [schema[least], schema[most]];
  if (typeof from === "number" && size < from) return `${least} is ${from}`;
  return typeof to === "number" && size > to ? `${most} is ${to}` : undefined;
}

function isOfType(value: unknown, type: unknown): boolean {
  switch (type) {
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "integer":
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const at = (path: string, what: string): string => `at ${path === "" ? "its top" : path}: ${what}`;
