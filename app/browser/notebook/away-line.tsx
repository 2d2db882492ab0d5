/**
 * A quiet line when others changed the notebook between the last visit and this one. What they did may come only after
 * the notebook was opened, when the first of them is met: so it is asked again after changes.
 */
import { Show, createEffect, createMemo, createSignal, onCleanup, type JSX } from "solid-js";
import type { HistoryPerson } from "#core/notebook/history.ts";
import { shownName } from "#kit/people.ts";
import { Banner } from "../shell/banner.tsx";
import { whenIdle } from "../kernel-start.ts";
import type { PageView } from "./view.ts";

/** After changes, so long nothing is asked, in milliseconds. */
const QUIET = 2000;

export function AwayLine(props: { readonly view: PageView; readonly onShow: () => void }): JSX.Element {
  const [people, setPeople] = createSignal<readonly HistoryPerson[]>([]);
  const [dismissed, setDismissed] = createSignal(false);
  const isMember = createMemo(() => props.view.sharing()?.role !== undefined);
  createEffect(() => {
    // A notebook that nobody else has was changed by nobody else.
    if (!isMember() || dismissed()) return;
    const { client } = props.view;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = (): void => {
      timer = undefined;
      // A line that can't be had is not missed.
      client.away().then(
        (away) => setPeople(away?.people ?? []),
        () => undefined,
      );
    };
    whenIdle(ask);
    const stop = client.onChange(() => (timer ??= setTimeout(ask, QUIET)));
    onCleanup(() => {
      stop();
      clearTimeout(timer);
    });
  });
  const text = createMemo(() => {
    const sharing = props.view.sharing();
    const others = people().filter(({ member }) => member !== undefined && member !== sharing?.me);
    const names = others.map(({ member }) => {
      const known = [...(sharing?.members ?? []), ...(sharing?.former ?? [])].find(({ id }) => id === member);
      return known ? shownName(known.name) : "Somebody";
    });
    if (names.length === 0) return "";
    const shown = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} others`] : names;
    return `${new Intl.ListFormat("en").format(shown)} changed this notebook while you were away.`;
  });
  return (
    <Show when={!dismissed() && text()}>
      {(sentence) => (
        <Banner
          level="info"
          text={sentence()}
          action={{
            label: "What changed",
            run() {
              setDismissed(true);
              props.onShow();
            },
          }}
          onDismiss={() => setDismissed(true)}
        />
      )}
    </Show>
  );
}
