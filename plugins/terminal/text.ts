/** What goes between a person and a program on a terminal as text, and must not be believed in either direction. */

const LONGEST_TITLE = 60;

/** A title that a program gave itself, fit to be shown: one line, no invisible or direction-changing characters. */
export function cleanTitle(title: string): string {
  const clean = title
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/\s+/gu, " ")
    .trim();
  const characters = Array.from(clean);
  return characters.length > LONGEST_TITLE ? `${characters.slice(0, LONGEST_TITLE - 1).join("")}…` : clean;
}

/**
 * Text from the clipboard as it may be pasted: without control characters, which could end a bracketed paste and have
 * the rest run, or drive the program; tabs and line ends stay.
 */
export function cleanPaste(text: string): string {
  return text.replaceAll(/\r\n?/g, "\n").replaceAll(/(?![\t\n])\p{Cc}/gu, "");
}

/** The address of a link that may be followed, or undefined: only web pages. */
export function webAddress(link: string): string | undefined {
  const url = URL.parse(link);
  return url && (url.protocol === "http:" || url.protocol === "https:") ? url.href : undefined;
}

/** How a terminal ended, as a sentence. */
export function endSentence(exit: { readonly status?: number; readonly reason?: string }): string {
  return exit.status === undefined
    ? `This terminal ended. ${exit.reason ?? ""}`.trim()
    : `The shell ended with status ${exit.status}.`;
}
