/** Commands for the Linux machine that is kept with the notebook: a copy of it as a file, and a new beginning. */
import type { Command, CommandContext } from "#kit/commands.ts";

const GROUP = "Linux";

/** Asks, and has the machine begin anew. */
export async function resetMachine({ page, view }: CommandContext): Promise<void> {
  if (!view) return;
  const agreed = await page.ask({
    title: "Reset the Linux machine?",
    text: "Everything that Linux changed outside /workspace goes: installed programs, settings, its shell history, and what runs in it now. The notebook and its files stay.",
    yes: "Reset it",
    final: true,
  });
  if (!agreed) return;
  try {
    await view.machine.reset();
    page.toast("The Linux machine begins anew.");
  } catch (error) {
    page.toast(`The machine is as it was: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Offers what the machine has kept as files. */
export async function exportMachine({ page, view }: CommandContext): Promise<void> {
  if (!view) return;
  page.toast("Packing the Linux machine …");
  try {
    const images = await view.machine.export();
    for (const { name, image } of images) page.download(name, image, "application/gzip");
    if (images.length === 0) page.toast("Linux has kept nothing yet.");
  } catch (error) {
    page.toast(`No file could be made: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export const machineCommands: readonly Command[] = [
  {
    id: "machine.export",
    title: "Export machine",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: exportMachine,
  },
  {
    id: "machine.reset",
    title: "Reset machine",
    keys: [],
    when: "notebook",
    group: GROUP,
    run: resetMachine,
  },
];
