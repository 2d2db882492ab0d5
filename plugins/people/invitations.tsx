/** The links that are out and can still be used, and how one is taken back. */
import { For, Show, createMemo, type JSX } from "solid-js";
import type { Sharing } from "#core/mesh/messages.ts";
import type { Network } from "#kit/network.ts";
import { createTask } from "./task.ts";
import { roleWords, untilWords } from "./words.ts";

export function Invitations(props: {
  readonly sharing: Sharing;
  readonly network: Network;
  /** The clock. */
  readonly now: () => number;
}): JSX.Element {
  const task = createTask();
  const open = createMemo(() =>
    props.sharing.invitations.filter(({ state, expires }) => state === "open" && expires > props.now()),
  );
  const usage = (uses: "one" | "many", used: number): string =>
    uses === "one" ? "for one person" : used === 0 ? "for anyone" : `for anyone, used by ${used}`;
  return (
    <Show when={open().length > 0}>
      <section aria-labelledby="people-links">
        <h3 id="people-links">Links that can be used</h3>
        <ul class="people-list">
          <For each={open()}>
            {(invitation) => (
              <li class="people-member">
                <div class="people-member-text">
                  <span>
                    {roleWords[invitation.role]}, {usage(invitation.uses, invitation.usedBy.length)}
                  </span>
                  <span class="quiet">until {untilWords(invitation.expires)}</span>
                </div>
                <button
                  type="button"
                  class="button"
                  aria-label={`Revoke the link: ${roleWords[invitation.role].toLowerCase()}, until ${untilWords(invitation.expires)}`}
                  onClick={() =>
                    void task.run(() => props.network.revokeInvitation(props.sharing.document, invitation.id))
                  }
                >
                  Revoke
                </button>
              </li>
            )}
          </For>
        </ul>
        <p class="people-trouble" role="alert">
          {task.trouble()}
        </p>
      </section>
    </Show>
  );
}
