/**
 * Scripts that Jupyter made of notebooks (`nbconvert --to script`): `# In[3]:` above each code cell, and texts as
 * comments that stand two blank lines below the code before them. They become percent scripts.
 */

const PROMPT = /^# In\s?\[[\d ]*\]:?\s*$/;
const PREAMBLE = /^#!|^# (?:-\*- )?coding[:=]/;

/** The lines with `# %%` markers in place of prompts; undefined when there are no prompts. */
export function withMarkers(lines: readonly string[]): string[] | undefined {
  const starts = lines.flatMap((line, index) => (PROMPT.test(line) ? [index] : []));
  const first = starts[0];
  if (first === undefined) return undefined;
  const head = lines.slice(0, first).filter((line) => !PREAMBLE.test(line));
  return [
    ...(isText(head) ? markdown(head) : head),
    ...starts.flatMap((start, index) => {
      const body = lines.slice(start + 1, starts[index + 1]);
      const text = textStart(body);
      return ["# %%", ...body.slice(0, text), ...markdown(body.slice(text))];
    }),
  ];
}

/** Where the comments that close a cell's lines begin to be a text of its own. */
function textStart(body: readonly string[]): number {
  const code = body.findIndex((line) => line !== "");
  let start = body.length;
  for (let at = body.length - 1; at > code + 2 && isTextLine(body[at] as string); at--) {
    if (body[at] !== "" && body[at - 1] === "" && body[at - 2] === "") start = at;
  }
  return start;
}

function markdown(lines: readonly string[]): readonly string[] {
  return lines.every((line) => line === "") ? [] : ["# %% [markdown]", ...lines];
}

function isText(lines: readonly string[]): boolean {
  return lines.every(isTextLine);
}

function isTextLine(line: string): boolean {
  return line === "" || line === "#" || line.startsWith("# ");
}
