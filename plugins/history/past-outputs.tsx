/** The outputs of a cell as it was: text as text, pictures as pictures, and of everything else its kind. */
import { For, Show, type JSX } from "solid-js";
import type { Output, Run } from "#core/notebook/model.ts";

/** A long text is shown as far as this. */
const MOST_TEXT = 4000;
const MOST_OUTPUTS = 20;

export function PastOutputs(props: { readonly run: Run }): JSX.Element {
  return (
    <Show
      when={props.run.missing === undefined}
      fallback={<p class="quiet">Its outputs are not here: whoever ran it has them.</p>}
    >
      <For each={props.run.outputs.slice(0, MOST_OUTPUTS)}>{(output) => <PastOutput output={output} />}</For>
      <Show when={props.run.outputs.length > MOST_OUTPUTS}>
        <p class="quiet">And {props.run.outputs.length - MOST_OUTPUTS} more outputs.</p>
      </Show>
    </Show>
  );
}

function PastOutput(props: { readonly output: Output }): JSX.Element {
  const picture = (): string | undefined => {
    const { output } = props;
    const data = "data" in output ? output.data["image/png"] : undefined;
    return typeof data === "string" ? `data:image/png;base64,${data.replaceAll(/\s/g, "")}` : undefined;
  };
  return (
    <Show when={picture()} fallback={<pre class="history-output">{textOf(props.output)}</pre>}>
      {(source) => <img class="history-picture" src={source()} alt="A picture that the cell put out" />}
    </Show>
  );
}

function textOf(output: Output): string {
  if (output.output_type === "stream") return cut(output.text);
  if (output.output_type === "error") return cut(`${output.ename}: ${output.evalue}`);
  const text = output.data["text/plain"];
  return typeof text === "string" ? cut(text) : Object.keys(output.data).join(", ");
}

const cut = (text: string): string => (text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT).toWellFormed()} …` : text);
