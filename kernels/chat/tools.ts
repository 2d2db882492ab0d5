/**
 * What a model may ask for while it answers. A cell has only the tools that its options name; what they give goes to the
 * model's endpoint. All but `run_python` only read, and that one asks the person each time.
 */
import * as v from "valibot";
import type { ChatTool, ChatToolCall } from "#core/chat/driver.ts";
import type { SeenCell } from "#core/kernel/kernel.ts";
import { describeCell, fenced, shorten } from "./context.ts";

/** Characters of what a tool gives. */
const MAX_RESULT = 8_000;
const MAX_CODE = 20_000;
const MAX_LISTED = 500;

/** The notebook and the person, as tools reach them. */
export interface ToolPlace {
  /** The cells as they are now. */
  cells(): readonly SeenCell[];
  /** Runs Python in the notebook's kernel; resolves with everything that it printed, its errors too. */
  python(code: string): Promise<string>;
  /** Shows Markdown in the cell. */
  show(markdown: string): void;
  /** Asks the person for a line; undefined when there is nobody. */
  ask(question: string): Promise<string | undefined>;
}

interface Tool {
  readonly description: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Throws a ValiError for arguments that don't fit. */
  run(given: unknown, place: ToolPlace): Promise<string> | string;
}

const Nothing = v.strictObject({});
const OneCell = v.strictObject({ number: v.pipe(v.number(), v.integer(), v.minValue(1)) });
const Name = v.strictObject({
  name: v.pipe(v.string(), v.maxLength(200), v.regex(/^[A-Za-z_]\w*$/, "not a variable's name")),
});
const Code = v.strictObject({ code: v.pipe(v.string(), v.maxLength(MAX_CODE)) });

const object = (properties: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
  type: "object",
  properties,
  required: Object.keys(properties),
  additionalProperties: false,
});

const TOOLS = {
  list_cells: {
    description: "Lists the cells of the notebook: number, language, first line, and whether it has outputs.",
    parameters: object({}),
    run(given, place) {
      v.parse(Nothing, given);
      const lines = place.cells().map(({ language, source, outputs }, index) => {
        const first = shorten(source.trim().split("\n")[0] ?? "", 100);
        return `${index + 1} ${language}${outputs.length > 0 ? ", has outputs" : ""}: ${first}`;
      });
      return lines.slice(0, MAX_LISTED).join("\n");
    },
  },
  read_cell: {
    description: "Gives the source and the text of the outputs of the cell with this number.",
    parameters: object({ number: { type: "integer", minimum: 1 } }),
    run(given, place) {
      const { number } = v.parse(OneCell, given);
      const cells = place.cells();
      const cell = cells[number - 1];
      return cell ? describeCell(cell, number) : `There is no cell ${number}: the last one is ${cells.length}.`;
    },
  },
  get_value: {
    description: "Gives the repr of a Python variable of the notebook.",
    parameters: object({ name: { type: "string" } }),
    run: (given, place) => place.python(`print(repr(${v.parse(Name, given).name})[:${MAX_RESULT}])`),
  },
  run_python: {
    description: "Runs Python in the notebook, if the person allows it, and gives what it prints and its last value.",
    parameters: object({ code: { type: "string" } }),
    async run(given, place) {
      const { code } = v.parse(Code, given);
      place.show(`The model wants to run this in the notebook:\n\n${fenced(code, "python")}`);
      const said = await place.ask("Run it? Answer yes, or anything else for no: ");
      if (!/^\s*y(es)?\s*$/i.test(said ?? "")) return "The person did not allow this. Do not ask again.";
      return place.python(code);
    },
  },
} as const satisfies Readonly<Record<string, Tool>>;

/** The name of a tool. */
export type ToolName = keyof typeof TOOLS;

/** All tools there are. */
export const TOOL_NAMES = Object.keys(TOOLS) as readonly ToolName[];

/** Tools as a model is told of them. */
export function toolsNamed(names: readonly ToolName[]): readonly ChatTool[] {
  return names.map((name) => ({ name, description: TOOLS[name].description, parameters: TOOLS[name].parameters }));
}

/**
 * What a call gives, as text for the model. A call that makes no sense gives a sentence that says so, so that the model can
 * do better; only an abort throws.
 */
export async function runTool(call: ChatToolCall, allowed: readonly ToolName[], place: ToolPlace): Promise<string> {
  const name = allowed.find((other) => other === call.name);
  if (name === undefined) return `There is no tool “${shorten(call.name, 100)}” here.`;
  const tool: Tool = TOOLS[name];
  try {
    const given: unknown = call.arguments.trim() === "" ? {} : JSON.parse(call.arguments);
    return shorten(await tool.run(given, place), MAX_RESULT) || "(nothing)";
  } catch (error) {
    if (error instanceof SyntaxError) return "The arguments are not JSON.";
    if (error instanceof v.ValiError) return `The arguments don't fit: ${error.message}`;
    throw error;
  }
}
