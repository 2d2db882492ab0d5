/** The few line icons of the interface, drawn on a 16 px grid. Always beside or inside something that has a name. */
import type { JSX } from "solid-js";

const PATHS = {
  play: "M5 3.2v9.6L12.6 8z",
  stop: "M4.5 4.5h7v7h-7z",
  restart: "M12.7 6.2A5 5 0 1 0 13 8.6M13 3v3.4H9.6",
  plus: "M8 3.5v9M3.5 8h9",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  files: "M2.5 4.5v8h11v-7H8L6.5 4h-4z",
  file: "M4 2.5h5L12 5.5v8H4zM9 2.5v3h3",
  outline: "M3 4h10M5.5 8H13M5.5 12H13",
  settings: "M3 5h6M12 5h1M3 11h1M7 11h6M10.5 3.5v3M5.5 9.5v3",
  library: "M3 3v10M6 3v10M9 3.2l3.5 9.6",
  search: "M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3.2 3.2",
  download: "M8 2.8v7M5 7l3 3 3-3M3 13h10",
  upload: "M8 10.2v-7M5 6l3-3 3 3M3 13h10",
  trash: "M3 4.5h10M6 4.5V3h4v1.5M4.5 4.5l.6 8.5h5.8l.6-8.5",
  pencil: "M3 13l.6-2.6 7-7 2 2-7 7z",
  copy: "M5.5 5.5h7v7h-7zM3.5 10.5v-7h7",
  check: "M3.5 8.5l3 3 6-7",
  close: "M4 4l8 8M12 4l-8 8",
  left: "M10 3.5L5.5 8l4.5 4.5",
  right: "M6 3.5L10.5 8 6 12.5",
  down: "M3.5 6L8 10.5 12.5 6",
  up: "M3.5 10L8 5.5l4.5 4.5",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6h.01",
  people:
    "M6 7.5a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6zM1.8 13c.3-2.3 2-3.7 4.2-3.7s3.9 1.4 4.2 3.7M10.6 3.2a2.1 2.1 0 0 1 0 4M11.6 9.6c1.5.4 2.4 1.6 2.6 3.4",
  comment: "M2.5 3.5h11v7.5H7.5L4.5 13.5V11h-2z",
  share: "M8 10V2.8M5 5.4l3-2.9 3 2.9M3.5 8.5v5h9v-5",
  ports: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM2.5 8h11M8 2.5c-3 3.2-3 7.8 0 11M8 2.5c3 3.2 3 7.8 0 11",
  terminal: "M2 3.5h12v9H2zM4.5 6l2 2-2 2M8.5 10.2h3",
  keyboard: "M2 4.5h12v7H2zM4.5 7h.01M7 7h.01M9.5 7h.01M12 7h.01M5.5 9.5h5",
  history: "M3.2 5.6A5.3 5.3 0 1 1 2.7 8M3 2.8v3h3M8 5v3.2l2.2 1.4",
  publish: "M8 2.5l5 1.8v3.9c0 2.9-2.1 4.4-5 5.3-2.9-.9-5-2.4-5-5.3V4.3zM5.7 7.9l1.7 1.7 2.9-3.1",
  name: "M2.8 3.2h4.9l5.6 5.6-4.7 4.7-5.8-5.8zM5.4 5.8h.01",
  pin: "M6 2.5h4M6.6 2.5v4L4.5 9h7L9.4 6.5v-4M8 9v4.5",
  models: "M8 2.5l4.8 2.7v5.6L8 13.5l-4.8-2.7V5.2zM3.2 5.2L8 8l4.8-2.8M8 8v5.5",
  folder: "M2.5 4.5v8h11v-7H8L6.5 4h-4zM8 8v3M6.5 9.5h3",
} as const;

export type IconName = keyof typeof PATHS;

/** A decoration: hidden from screen readers, coloured like the text around it. */
export function Icon(props: { readonly name: IconName }): JSX.Element {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[props.name]} />
    </svg>
  );
}
