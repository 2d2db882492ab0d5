/** Theme, and where packages may come from. What is typed is kept at once; kernels use it from their next start. */
import { For, createSignal, type JSX } from "solid-js";
import type { PanelProps } from "#kit/panels.ts";
import { readSettings, writeSettings, type Settings, type Theme } from "../settings.ts";
import { setTheme } from "../theme.ts";
import { MachineSettings } from "./machine-settings.tsx";

const THEMES: readonly (readonly [Theme, string])[] = [
  ["system", "As the system"],
  ["light", "Light"],
  ["dark", "Dark"],
  ["contrast", "High contrast"],
];

const ADDRESSES = [
  [
    "pyodidePackages",
    "Python packages built for the browser",
    "A folder of wheels and their lock file. Empty: only those that are shipped.",
  ],
  ["pythonIndex", "Python package index", "For %pip install. Empty: none."],
  ["npmCdn", "npm modules", "{name}, {version} and {path} are replaced. Empty: only those that are shipped."],
] as const;

const MIRRORS = [
  ["wheelMirrors", "Folders tried first for Python wheels", "One address a line."],
  ["npmMirrors", "Folders tried first for npm modules", "One address a line."],
] as const;

const MIB = 1024 * 1024;

export function SettingsPanel(props: PanelProps): JSX.Element {
  const [settings, setSettings] = createSignal(readSettings());
  const [kept, setKept] = createSignal("");
  const change = (part: Partial<Settings>): void => {
    const next = { ...settings(), ...part };
    setSettings(next);
    setKept(
      writeSettings(next)
        ? "Kept. Kernels use it from their next start."
        : "This browser does not keep settings; they last until the page closes.",
    );
  };
  return (
    <form class="settings" onSubmit={(event) => event.preventDefault()}>
      <fieldset>
        <legend>Theme</legend>
        <For each={THEMES}>
          {([theme, label]) => (
            <label class="choice">
              <input
                type="radio"
                name="theme"
                checked={settings().theme === theme}
                onChange={() => {
                  setTheme(theme);
                  setSettings(readSettings());
                }}
              />
              {label}
            </label>
          )}
        </For>
      </fieldset>
      <For each={ADDRESSES}>
        {([key, label, hint]) => (
          <label class="field">
            <span>{label}</span>
            <input
              class="input"
              type="text"
              inputmode="url"
              spellcheck={false}
              value={settings()[key]}
              onChange={(event) => change({ [key]: event.currentTarget.value.trim() })}
            />
            <span class="quiet">{hint}</span>
          </label>
        )}
      </For>
      <For each={MIRRORS}>
        {([key, label, hint]) => (
          <label class="field">
            <span>{label}</span>
            <textarea
              class="input"
              rows={2}
              spellcheck={false}
              value={settings()[key].join("\n")}
              onChange={(event) =>
                change({
                  [key]: event.currentTarget.value
                    .split("\n")
                    .map((line) => line.trim())
                    .filter((line) => line !== ""),
                })
              }
            />
            <span class="quiet">{hint}</span>
          </label>
        )}
      </For>
      <label class="field">
        <span>Memory of Python, in MB</span>
        <input
          class="input"
          type="number"
          min={64}
          max={4096}
          step={64}
          value={Math.round(settings().pythonMemory / MIB)}
          onChange={(event) => change({ pythonMemory: Number(event.currentTarget.value) * MIB })}
        />
      </label>
      <label class="field">
        <span>Memory of the Linux machine, in MB</span>
        <input
          class="input"
          type="number"
          min={64}
          max={2048}
          step={64}
          value={Math.round(settings().vmMemory / MIB)}
          onChange={(event) => change({ vmMemory: Number(event.currentTarget.value) * MIB })}
        />
      </label>
      <MachineSettings
        context={props.context}
        keeps={settings().linuxKeeps}
        onKeeps={(linuxKeeps) => change({ linuxKeeps })}
      />
      <p class="quiet" aria-live="polite">
        {kept()}
      </p>
    </form>
  );
}
