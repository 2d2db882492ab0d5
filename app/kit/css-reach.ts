/** What a piece of CSS from elsewhere could do beyond the looks of its own place. */

/** True for CSS that fetches, or reaches out of its shadow root. */
export function loadsSomething(css: string): boolean {
  return REACHING.test(css);
}

// An escape could spell any of the words, so CSS with escapes is not looked into further.
const REACHING = /url\s*\((?!\s*["']?\s*(?:#|data:image\/))|@import|@font-face|image-set|src\s*\(|:host|::slotted|\\/i;
