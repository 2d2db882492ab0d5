/** Asks before something is lost: a sentence, what happens if one agrees, and a way out. */
import type { JSX } from "solid-js";
import { Dialog } from "./dialog.tsx";

/** Something to agree to, or not. */
export interface Question {
  readonly title: string;
  readonly text: string;
  /** What is on the button that agrees. */
  readonly yes: string;
  /** What is lost cannot be brought back: Enter alone does not agree. */
  readonly final?: boolean;
}

/** Mounted means asked; `onAnswer` must unmount it. */
export function QuestionDialog(props: Question & { readonly onAnswer: (agreed: boolean) => void }): JSX.Element {
  return (
    <Dialog label={props.title} class="question" onClose={() => props.onAnswer(false)}>
      <h2>{props.title}</h2>
      <p>{props.text}</p>
      <div class="answers">
        <button type="button" class="button" autofocus={props.final} onClick={() => props.onAnswer(false)}>
          Cancel
        </button>
        <button type="button" class="button primary" autofocus={!props.final} onClick={() => props.onAnswer(true)}>
          {props.yes}
        </button>
      </div>
    </Dialog>
  );
}
