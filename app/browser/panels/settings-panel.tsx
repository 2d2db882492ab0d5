/** Theme, and where packages may come from. What is typed is kept at once; kernels use it from their next start. */
import { For, Show, createSignal, type JSX } from "solid-js";
import { chatDrivers } from "#core/chat/driver.ts";
import { chatPlace } from "#core/chat/place.ts";
import { isHostName } from "#core/kernel/machine.ts";
import type { PanelProps } from "#kit/panels.ts";
import { readSettings, writeSettings, type Settings, type Theme } from "../settings.ts";
import { setTheme } from "../theme.ts";
import { host } from "../plugins.ts";
import { ChatSettings } from "./chat-settings.tsx";
import { HubTokenSettings } from "./hub-token-settings.tsx";
import { MachineSettings } from "./machine-settings.tsx";
import { allowHosts, allowedHosts } from "../web-access.ts";

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
  [
    "modelHub",
    "Model hub",
    "For models by name, as hub:owner/name/file. A mirror with the same paths will do. Empty: none.",
  ],
  ["npmCdn", "npm modules", "{name}, {version} and {path} are replaced. Empty: only those that are shipped."],
  [
    "linuxImage",
    "Linux image",
    "A CID, as kroma vm export prints it: the image then comes from the gateways below. Empty: the one of this page's host.",
  ],
] as const;

const MIRRORS = [
  ["wheelMirrors", "Folders tried first for Python wheels", "One address a line."],
  ["npmMirrors", "Folders tried first for npm modules", "One address a line."],
  [
    "relays",
    "Relays and mirrors",
    "Addresses (multiaddrs) that others reach you through, one a line. A mirror that serves this page is known by itself.",
  ],
  [
    "gateways",
    "Gateways",
    "Addresses of IPFS gateways for published notebooks and a Linux image, one a line. Each block that they send is checked. Empty: none is asked.",
  ],
  [
    "iceServers",
    "STUN servers",
    "For a direct way between two home networks, as stun:host:port, one a line. Empty: none is asked.",
  ],
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
      <ChatSettings
        kinds={host.get(chatDrivers)}
        place={chatPlace({
          asset: (path) => path,
          services: () => undefined,
          workspace: () => Promise.resolve(props.workspace),
        })}
      />
      <HubTokenSettings hub={settings().modelHub} />
      <MachineSettings
        context={props.context}
        keeps={settings().linuxKeeps}
        onKeeps={(linuxKeeps) => change({ linuxKeeps })}
      />
      <Show when={props.context.view?.client.document} keyed>
        {(document) => <WebAccess document={document} />}
      </Show>
      <p class="quiet" aria-live="polite">
        {kept()}
      </p>
    </form>
  );
}

/** The hosts that this notebook's shell may reach, each with the way to take it back. */
function WebAccess(props: { readonly document: string }): JSX.Element {
  const hosts = allowedHosts(props.document);
  const [wrong, setWrong] = createSignal(false);
  let field: HTMLInputElement | undefined;
  const add = (): void => {
    const host = field?.value.trim().toLowerCase() ?? "";
    setWrong(host !== "" && !isHostName(host));
    if (!field || !isHostName(host)) return;
    allowHosts(props.document, [...hosts(), host]);
    field.value = "";
  };
  return (
    <fieldset>
      <legend>Web access of this notebook's shell</legend>
      <p class="quiet">
        Programs in Linux reach only these hosts, through this page. A server must also permit that other pages read it
        (CORS).
      </p>
      <ul class="settings-hosts">
        <For each={hosts()} fallback={<li class="quiet">None yet.</li>}>
          {(host) => (
            <li>
              <code>{host}</code>
              <button
                type="button"
                class="button"
                aria-label={`Remove ${host}`}
                onClick={() =>
                  allowHosts(
                    props.document,
                    hosts().filter((other) => other !== host),
                  )
                }
              >
                Remove
              </button>
            </li>
          )}
        </For>
      </ul>
      <label class="field">
        <span>Allow a host</span>
        <input
          ref={(element) => (field = element)}
          class="input"
          type="text"
          inputmode="url"
          spellcheck={false}
          placeholder="example.org"
          aria-invalid={wrong()}
          onKeyDown={(event) => {
            if (event.key === "Enter") add();
          }}
          onChange={add}
        />
        <Show when={wrong()}>
          <span class="quiet" role="alert">
            A host is a name such as example.org, *.example.org or example.org:8080.
          </span>
        </Show>
      </label>
    </fieldset>
  );
}
