/** What somebody wrote: plain text with its lines, where addresses of web pages are links. Nothing of it is markup. */
import { For, type JSX } from "solid-js";

interface Piece {
  readonly text: string;
  readonly isLink: boolean;
}

/** A full stop or a closing bracket at the end of an address belongs to the sentence around it. */
const ADDRESS = /https?:\/\/[^\s<>"'`]*[^\s<>"'`.,;:!?)\]}]/g;

/** The text in pieces, in order. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const { index, 0: address } of text.matchAll(ADDRESS)) {
    if (index > at) pieces.push({ text: text.slice(at, index), isLink: false });
    pieces.push({ text: address, isLink: true });
    at = index + address.length;
  }
  if (at < text.length) pieces.push({ text: text.slice(at), isLink: false });
  return pieces;
}

export function CommentText(props: { readonly text: string }): JSX.Element {
  return (
    <p class="comment-text" dir="auto">
      <For each={piecesOf(props.text)}>
        {({ text, isLink }) =>
          isLink ? (
            <a href={text} target="_blank" rel="noopener noreferrer nofollow">
              {text}
            </a>
          ) : (
            text
          )
        }
      </For>
    </p>
  );
}
