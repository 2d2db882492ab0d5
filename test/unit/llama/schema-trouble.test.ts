/** Schemas of which no grammar can be made are told before llama.cpp sees them. */
import { expect, it } from "vitest";
import { schemaTrouble } from "#plugins/llama/schema-trouble.ts";

it.each([
  [{ type: "object", properties: { a: { enum: [1, "x"] }, b: { type: ["string", "null"] } } }],
  [{ anyOf: [{ type: "string" }, { const: 1 }], $defs: { x: { type: "array", items: { $ref: "#/$defs/x" } } } }],
  [{ type: "object", additionalProperties: false }],
  [{}],
])("none: %j", (schema) => {
  expect(schemaTrouble(schema)).toBeUndefined();
});

it.each([
  [{ type: "whatever" }, 'At its top is the type "whatever", which JSON does not have.'],
  [{ properties: { a: { items: { type: ["string", "date"] } } } }, 'At /properties/a/items is the type "date"'],
  [{ anyOf: [{}, 3] }, "At /anyOf/1 is no schema."],
  [{ properties: { type: "string" } }, "At /properties/type is no schema."],
])("%j", (schema, sentence) => {
  expect(schemaTrouble(schema)).toContain(sentence);
});

it("a schema that is deeper than any answer", () => {
  let schema: object = { type: "string" };
  for (let depth = 0; depth < 100; depth += 1) schema = { items: schema };
  expect(schemaTrouble(schema)).toContain("64 levels deep");
});
