/**
 * A quiet line when others changed the notebook between the last visit and this one. What they did may come only after
 * the notebook was opened, when the first of them is met: so it is asked again then.
 */
import { Show, createEffect, createMemo, createSignal, onCleanup, type JSX } from "solid-js";
import type { HistoryPerson } from "#core/notebook/history-people.ts";
import { shownName } from "#kit/people.ts";
import { Banner } from "../shell/banner.tsx";
import { whenIdle } from "../kernel-start.ts";
import type { PageView } from "./view.ts";

/** When it is asked after somebody was met, in milliseconds: what they bring takes its time. */
const ASKED_AFTER = [0, 2000, 10_000, 60_000];

export function AwayLine(props: { readonly view: PageView; readonly onShow: () => void }): JSX.Element {
  const [people, setPeople] = createSignal<readonly HistoryPerson[]>([]);
  const [dismissed, setDismissed] = createSignal(false);
  const isMember = createMemo(() => props.view.sharing()?.role !== undefined);
  const met = createMemo(() => (props.view.sharing()?.linked ?? []).map(({ id }) => id).join(" "));
  createEffect(() => {
    // A notebook that nobody else has was changed by nobody else.
    if (!isMember() || dismissed()) return;
    met();
    const ask = (): void => {
      // A line that can't be had is not missed.
      props.view.client.away().then(
        (away) => setPeople(away?.people ?? []),
        () => undefined,
      );
    };
    const timers = ASKED_AFTER.map((delay) => setTimeout(() => whenIdle(ask), delay));
    onCleanup(() => timers.forEach((timer) => clearTimeout(timer)));
  });
  const text = createMemo(() => {
    const sharing = props.view.sharing();
    const others = people().filter(
      ({ member, unsigned }) => unsigned || (member !== undefined && member !== sharing?.me),
    );
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
