/** A download: how far it is, or why it stopped. */
import { Show, type JSX } from "solid-js";
import type { ModelDownload } from "#kit/models.ts";
import { Bar } from "./bar.tsx";
import { TokenForm } from "./token-form.tsx";
import { progressWords } from "./words.ts";

export function Coming(props: {
  readonly download: ModelDownload | undefined;
  readonly onPause: () => void;
  readonly onResume: () => void;
  readonly onToken: (hub: string, token: string) => void;
}): JSX.Element {
  const name = (): string => props.download?.name ?? "";
  return (
    <li class="models-row">
      <div class="models-text">
        <span class="models-name" dir="auto">
          {name()}
        </span>
        <Show
          when={props.download?.trouble}
          fallback={
            <>
              <Bar label={`Download of ${name()}`} bytes={props.download?.bytes ?? 0} total={props.download?.total} />
              <span class="quiet">
                {props.download?.part === undefined ? "" : `${props.download.part}: `}
                {progressWords(props.download ?? { bytes: 0, total: undefined })}
              </span>
            </>
          }
        >
          {(why) => (
            <>
              <p class="models-trouble" role="alert">
                {why()}
              </p>
              <Show when={props.download?.wantsToken} keyed>
                {(hub) => <TokenForm hub={hub} onToken={(token) => props.onToken(hub, token)} />}
              </Show>
            </>
          )}
        </Show>
      </div>
      <Show
        when={props.download?.trouble === undefined}
        fallback={
          <div class="models-actions">
            <button type="button" class="button outlined" aria-label={`Resume ${name()}`} onClick={props.onResume}>
              Resume
            </button>
            <button type="button" class="button" aria-label={`Dismiss ${name()}`} onClick={props.onPause}>
              Dismiss
            </button>
          </div>
        }
      >
        <button type="button" class="button outlined" aria-label={`Pause ${name()}`} onClick={props.onPause}>
          Pause
        </button>
      </Show>
    </li>
  );
}
