/**
 * The headings of a Markdown text, for the outline: small and without the parser. It follows CommonMark for what
 * stands at the left edge; headings inside quotes and lists are not part of an outline.
 */

export interface Heading {
  /** 1 to 6. */
  readonly level: number;
  readonly text: string;
  /** The id of the heading's element once the text is rendered; unique within the text. */
  readonly id: string;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})(.*)$/;
const ATX = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const UNDERLINE = /^ {0,3}(=+|-+)[ \t]*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
/** Lines that a setext heading's text can't be. */
const NOT_A_PARAGRAPH = /^(?: {0,3}(?:>|[-+*](?:\s|$)|\d{1,9}[.)](?:\s|$)|<|\|)| {4}|\t)/;

/** The headings in order. */
export function headings(markdown: string): readonly Heading[] {
  const found: Heading[] = [];
  const name = headingNames();
  let fence = "";
  let paragraph: string[] = [];
  for (const line of markdown.split("\n")) {
    const mark = FENCE.exec(line);
    if (fence !== "") {
      if (mark && mark[1]!.startsWith(fence) && mark[2]!.trim() === "") fence = "";
      continue;
    }
    if (mark && !(mark[1]!.startsWith("`") && mark[2]!.includes("`"))) {
      fence = mark[1]!;
      paragraph = [];
      continue;
    }
    const atx = ATX.exec(line);
    if (atx) {
      const words = atx[2] ?? "";
      found.push({ level: atx[1]!.length, ...name(words.replace(/^#+$/, "")) });
      paragraph = [];
      continue;
    }
    const underline = UNDERLINE.exec(line);
    if (underline && paragraph.length > 0) {
      found.push({ level: underline[1]!.startsWith("=") ? 1 : 2, ...name(paragraph.join("\n")) });
      paragraph = [];
      continue;
    }
    if (line.trim() === "" || RULE.test(line)) paragraph = [];
    else if (paragraph.length > 0 || !NOT_A_PARAGRAPH.test(line)) paragraph.push(line.trim());
  }
  return found;
}

/** A function that gives each heading's source its words and an id, the same in the outline and in the page. */
export function headingNames(): (source: string) => { text: string; id: string } {
  const taken = new Map<string, number>();
  return (source) => {
    const text = headingText(source);
    // As Jupyter does, so that tables of contents in existing notebooks find their places.
    const slug = text.replace(/\s+/g, "-");
    const times = taken.get(slug) ?? 0;
    taken.set(slug, times + 1);
    return { text, id: `heading-${times === 0 ? slug : `${slug}-${times}`}` };
  };
}

function headingText(source: string): string {
  return source
    .replace(/!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, "$1")
    .replace(/<[^>]+>/g, "")
    .replace(/(\*\*|__|~~|`+)(.+?)\1/g, "$2")
    .replace(/(^|\W)[*_](\S(?:.*?\S)?)[*_](?=\W|$)/g, "$1$2")
    .replace(/\\([!-/:-@[-`{-~])/g, "$1")
    .replace(/\s+/g, " ")
    .trim();
}
