/** What the network is doing, in words, and what could be done where it can't be reached. */
import { For, Show, type JSX } from "solid-js";
import type { TargetState, TransportState } from "#core/mesh/transport.ts";
import type { Network } from "#kit/network.ts";

export function NetworkState(props: { readonly network: Network }): JSX.Element {
  const targets = (): readonly TargetState[] => props.network.transport()?.targets ?? [];
  /** Of interest only while nobody is reached: links come and go. */
  const latest = (): string | undefined => {
    const { peers, troubles } = props.network.links();
    return peers.length === 0 ? troubles.at(-1) : undefined;
  };
  return (
    <section aria-labelledby="people-network">
      <h3 id="people-network">Network</h3>
      <p role="status">{networkWords(props.network)}</p>
      <Show when={latest()}>
        <p class="people-trouble quiet">Last trouble: {latest()}</p>
      </Show>
      <Show when={targets().length > 0}>
        <details>
          <summary>Relays and machines</summary>
          <ul class="people-list people-targets">
            <For each={targets()}>
              {(target) => (
                <li>
                  <span class="people-address" title={target.address}>
                    {hostOf(target.address)}
                  </span>
                  <span class="quiet">{targetWords(target)}</span>
                </li>
              )}
            </For>
          </ul>
        </details>
      </Show>
    </section>
  );
}

/** The state of the network in a sentence or two. */
export function networkWords(network: Network): string {
  if (network.elsewhere()) return "Another tab of this browser does the network, for this one too.";
  const state = network.transport();
  if (state === undefined) return "The network is not in use yet. It starts when a notebook is shared.";
  if (state.status === "off") return "The network is off.";
  if (state.status === "starting") return "Looking for a way to the others …";
  if (state.status === "offline")
    return "This device is offline. Go on writing: it is merged with what the others write once you are back.";
  return isReachable(state)
    ? "Online. Others can reach you by a link."
    : "Online, but links can't lead here yet: no relay is connected. With a relay or a mirror of your own, or by “Connect without a server” below, others can reach you.";
}

const isReachable = (state: TransportState): boolean =>
  state.addresses.length > 0 || state.targets.some(({ status }) => status === "connected");

/** The host in a multiaddr, or all of it. */
const hostOf = (address: string): string => {
  const [, , host, , port] = address.split("/");
  return host === undefined ? address : port !== undefined && /^\d+$/.test(port) ? `${host}:${port}` : host;
};

function targetWords({ status, roundTrip, trouble }: TargetState): string {
  if (status === "connected") return roundTrip === undefined ? "connected" : `connected, ${Math.round(roundTrip)} ms`;
  const words = { dialling: "connecting …", waiting: "not reached, tried again soon", refused: "refused" }[status];
  return trouble === undefined ? words : `${words}: ${trouble}`;
}
