/** Previews that the page or a program of the machine asks for; the preview itself is loaded with the first of them. */
import type { Session } from "#core/session/session.ts";

/** Shows what is at a port of the machine, at its root or at `path` (with query and fragment, as a program gives it). */
export async function showPreview(session: Session, port: number, path = "/"): Promise<void> {
  const { previewOf } = await import("./preview.ts");
  previewOf(session).goTo(port, path);
}

/** From now on a program of the machine can ask for a preview (`kroma open PORT`); `show` is then called, too. */
export function onPreviewAsked(session: Session, show: () => void): void {
  session.machine.receive((message) => {
    if (message.type !== "port_open") return;
    void showPreview(session, message.port, message.path);
    show();
  });
}
