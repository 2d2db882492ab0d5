/** What a frame inside a previewed page shows: another page, or a file or a failure as a small page of our own. */
import { toBase64 } from "#core/workspace/values-json.ts";
import { type Answer, type Client, fileName, isAttachment, isPage, mimeOf, textOf } from "./client.ts";
import { Composer } from "./compose.ts";
import type { ShimConfig } from "./frame-messages.ts";

/** The answer as text for `srcdoc`; empty for a file that is kept instead. */
export async function composeInner(
  client: Client,
  signal: AbortSignal,
  answer: Answer,
  config: Omit<ShimConfig, "refresh">,
): Promise<string> {
  if (isAttachment(answer)) return newPage().documentElement.outerHTML;
  if (isPage(answer)) return new Composer(client, signal).page(answer, config);
  const mime = mimeOf(answer);
  const page = newPage();
  if (/^image\/(?:png|jpeg|gif|webp|avif|bmp|svg\+xml|x-icon)$/.test(mime)) {
    const image = page.createElement("img");
    image.setAttribute("src", `data:${mime};base64,${toBase64(answer.body)}`);
    image.setAttribute("alt", fileName(answer));
    page.body.append(image);
  } else if (mime === "" || /^text\/|json|xml|javascript/.test(mime)) {
    const text = page.createElement("pre");
    text.textContent = textOf(answer);
    page.body.append(text);
  } else return errorPage(fileName(answer), `${answer.body.length.toLocaleString("en")} bytes of ${mime}.`);
  return page.documentElement.outerHTML;
}

/** A page that says why there is none. */
export function errorPage(title: string, text: string): string {
  const page = newPage();
  const [heading, paragraph] = [page.createElement("h3"), page.createElement("p")];
  heading.textContent = title;
  paragraph.textContent = text;
  page.body.style.font = "14px system-ui";
  page.body.append(heading, paragraph);
  return page.documentElement.outerHTML;
}

/** Nothing runs in it. */
function newPage(): Document {
  return new DOMParser().parseFromString(
    `<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">`,
    "text/html",
  );
}
