/** Where the page begins: theme, the connection to the documents, the app. Everything heavy comes after first paint. */
import "@fontsource-variable/inter/wght.css";
import "@fontsource-variable/inter/wght-italic.css";
import "@fontsource-variable/jetbrains-mono/wght.css";
import "#kit/tokens.css";
import "#kit/themes/light.css";
import "#kit/themes/dark.css";
import "#kit/themes/contrast.css";
import "#kit/kit.css";
import "./styles/shell.css";
import "./styles/library.css";
import "./styles/notebook.css";
import "./styles/editor.css";
import "./styles/panels.css";
import "./styles/print.css";
import { render } from "solid-js/web";
import { LibraryClient } from "#core/notebook/client.ts";
import { App, preload } from "./app.tsx";
import { connectDocuments } from "./document-link.ts";
import { whenIdle } from "./kernel-start.ts";
import { createNetwork } from "./network.ts";
import { registerServiceWorker } from "./offline.ts";
import { toast } from "./shell/toasts.tsx";
import { startTheme } from "./theme.ts";

startTheme();
preload();
const documents = connectDocuments((reason) =>
  toast(`The documents cannot be reached (${reason}). Reload the page; what was saved is safe.`),
);
const library = new LibraryClient(documents.channel);
const network = createNetwork(
  documents.openMesh,
  (id) => library.entries.find(({ document }) => document === id)?.title,
);
void library.listed.then(() => whenIdle(() => network.begin()));
const root = document.getElementById("app");
const shown = Promise.withResolvers<void>();
if (root) render(() => <App library={library} network={network} onShown={shown.resolve} />, root);
registerServiceWorker(shown.promise, (take) => {
  const offer = (text: string): void =>
    toast(text, {
      label: "Reload now",
      run: () =>
        void take().then((taken) => {
          if (!taken) offer("Close the other tabs of Kroma first: they still use the version before.");
        }),
    });
  offer("A new version of Kroma is ready. It comes with your next visit.");
});
