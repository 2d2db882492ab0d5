/**
 * Tells HTML that only shows (a table, styled text, a drawing) from HTML that does something. The first is sanitised
 * and put in the page, cheap enough for hundreds; the second gets a sandboxed frame. In doubt it gets the frame, and
 * what is shown in the page is sanitised all the same, so a wrong guess costs looks and never safety.
 */
const ACTIVE_TAG =
  /<\s*(?:script|iframe|frame|frameset|object|embed|applet|link|base|meta|form|input|button|select|textarea|dialog|template|portal|marquee|canvas|html|body|[a-z][\w.]*-[\w-]*)\b/i;
const HANDLER = /<[^<>]*[\s"'/]on[a-z]+\s*=/i;
const ACTIVE_ADDRESS = /(?:javascript|vbscript)\s*:/i;
const ACTIVE_STYLE =
  /<style[^>]*>[^<]*(?:url\s*\((?!\s*["']?\s*(?:#|data:image\/))|@import|@font-face|:host|::slotted|\\)/i;

/** True when the markup can be shown without running or loading anything but pictures. */
export function isStaticHtml(markup: string): boolean {
  return !(ACTIVE_TAG.test(markup) || HANDLER.test(markup) || ACTIVE_ADDRESS.test(markup) || ACTIVE_STYLE.test(markup));
}
