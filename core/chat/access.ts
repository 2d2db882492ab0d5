/** Which driver answers: that of the model a cell names, or that of the person's choice. Each kind is started once, when it is needed. */
import type { ChatAccess, ChatChoice, ChatDriverKind, ChatDrivers, ChatPlace } from "./driver.ts";

/** A ChatAccess that must be closed. */
export interface OpenChatAccess extends ChatAccess {
  /** Ends what runs, and lets go of models in memory. */
  close(): void;
}

/** Gives access to the kinds that there are. `choice` is read again at each use. */
export function startChatAccess(options: {
  readonly kinds: ReadonlyMap<string, ChatDriverKind>;
  readonly place: ChatPlace;
  readonly choice: () => ChatChoice;
  readonly howTo: string;
}): OpenChatAccess {
  const { kinds, place, choice, howTo } = options;
  const started = new Map<string, ChatDrivers>();
  let isClosed = false;
  const start = (kind: ChatDriverKind): ChatDrivers => {
    const drivers = started.get(kind.id) ?? kind.start(place);
    started.set(kind.id, drivers);
    return drivers;
  };
  return {
    howTo,
    open(model) {
      if (isClosed) return undefined;
      const claimed = model === undefined ? undefined : [...kinds.values()].find((kind) => kind.claims?.(model));
      // What a cell names goes to nobody but its kind: no address and no key.
      if (claimed) return start(claimed).open({ address: "", key: "", model: model ?? "" });
      const chosen = choice();
      const kind = kinds.get(chosen.driver);
      const [needed] = kind?.fields ?? [];
      if (!kind || (needed !== undefined && chosen[needed] === "")) return undefined;
      return start(kind).open(chosen);
    },
    close() {
      isClosed = true;
      for (const drivers of started.values()) drivers.close();
      started.clear();
    },
  };
}
