/**
 * What the tabs of a browser say to each other of the network, which one of them does for all: whom another wants to be
 * reached, and where this browser can be reached, for the links that another makes. Another tab may run another version.
 */
import * as v from "valibot";
import { Emitter } from "../base/events.ts";
import type { TransportState } from "./transport.ts";

const addresses = v.pipe(v.array(v.pipe(v.string(), v.maxLength(1024))), v.maxLength(64));
const stateSchema = v.object({
  status: v.picklist(["off", "starting", "online", "offline"]),
  addresses,
  targets: v.pipe(
    v.array(
      v.object({
        address: v.pipe(v.string(), v.maxLength(4096)),
        status: v.picklist(["dialling", "connected", "waiting", "refused"]),
        trouble: v.exactOptional(v.pipe(v.string(), v.maxLength(1024))),
        roundTrip: v.exactOptional(v.number()),
      }),
    ),
    v.maxLength(256),
  ),
});
const messageSchema = v.variant("type", [
  v.object({ type: v.literal("reach"), addresses }),
  v.object({ type: v.literal("ask_state") }),
  v.object({ type: v.literal("state"), state: stateSchema }),
]);
type TabMessage = v.InferOutput<typeof messageSchema>;

/** What it needs of a BroadcastChannel. */
export interface TabChannel {
  postMessage(message: unknown): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  close(): void;
}

export class NetworkTabs {
  readonly #channel: TabChannel;
  readonly #reach = new Emitter<readonly string[]>();
  readonly #heard = new Emitter<TransportState>();
  #own: TransportState | undefined;

  /** Others are asked at once what the network is like. */
  constructor(channel: TabChannel) {
    this.#channel = channel;
    channel.addEventListener("message", ({ data }) => {
      // What a tab of another version says may be something else: it is passed over.
      const parsed = v.safeParse(messageSchema, data);
      if (parsed.success) this.#hear(parsed.output);
    });
    this.#say({ type: "ask_state" });
  }

  /** This tab does the network, and it is like this. */
  tell(state: TransportState): void {
    this.#own = state;
    this.#say({ type: "state", state: { ...state, addresses: [...state.addresses], targets: [...state.targets] } });
  }

  /** Whichever tab does the network is to reach these. */
  reach(wanted: readonly string[]): void {
    this.#say({ type: "reach", addresses: [...wanted] });
  }

  /** Calls `listener` with what the tab says that does the network. */
  onState(listener: (state: TransportState) => void): () => void {
    return this.#heard.on(listener);
  }

  /** Calls `listener` when another tab wants somebody to be reached, while this one does the network. */
  onReach(listener: (addresses: readonly string[]) => void): () => void {
    return this.#reach.on(listener);
  }

  close(): void {
    this.#channel.close();
  }

  #hear(message: TabMessage): void {
    if (message.type === "state") this.#heard.emit(message.state);
    else if (!this.#own) return;
    else if (message.type === "reach") this.#reach.emit(message.addresses);
    else this.tell(this.#own);
  }

  #say(message: TabMessage): void {
    this.#channel.postMessage(message);
  }
}
