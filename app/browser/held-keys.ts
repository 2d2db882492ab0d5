/**
 * Keys pressed while a command is still at work on the cells: they wait for it, and are then pressed again in order,
 * so that "b Enter print" typed at any speed means what it says. What loads first (a panel) may take
 * longer on a slow machine, and a key that lands where it was not meant does harm: so the wait is long, but it ends.
 */

/** Longest wait for a command, in milliseconds; it then goes on beside the keys. */
const PATIENCE = 5000;

export class HeldKeys {
  #held: KeyboardEvent[] = [];
  #working: Promise<void> | undefined;

  /** Has later keys wait until this is settled. What fails is the caller's. */
  during(work: Promise<unknown>): void {
    const done = work.then(
      () => undefined,
      () => undefined,
    );
    const working = Promise.race([done, new Promise<void>((resolve) => setTimeout(resolve, PATIENCE))]);
    this.#working = working;
    void working.then(() => {
      if (this.#working !== working) return;
      this.#working = undefined;
      this.#release();
    });
  }

  /** True when the key has to wait; it is then no longer the browser's. Composed text can't be held back. */
  hold(event: KeyboardEvent): boolean {
    if (!this.#working || !event.isTrusted || event.key === "Process") return false;
    event.preventDefault();
    event.stopPropagation();
    // A key that is kept down must not go on by itself when it was let go long ago.
    if (!event.repeat) this.#held.push(event);
    return true;
  }

  #release(): void {
    while (!this.#working) {
      const event = this.#held.shift();
      if (!event) return;
      pressAgain(event);
    }
  }
}

function pressAgain(event: KeyboardEvent): void {
  const { key, code, keyCode, ctrlKey, altKey, shiftKey, metaKey } = event;
  const again = new KeyboardEvent("keydown", {
    key,
    code,
    keyCode,
    ctrlKey,
    altKey,
    shiftKey,
    metaKey,
    bubbles: true,
    cancelable: true,
    composed: true,
  } as KeyboardEventInit);
  const wanted = (document.activeElement ?? document.body).dispatchEvent(again);
  // A made-up key press types nothing by itself; this is the browser's own way of typing, which editors follow.
  if (wanted && key.length === 1 && !ctrlKey && !metaKey) document.execCommand("insertText", false, key);
}
