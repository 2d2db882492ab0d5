/** A link as a QR code, black on white in every theme, since not every camera reads it the other way round. */
import { Show, createMemo, type JSX } from "solid-js";
import { encode } from "uqr";

/** Modules around the code that must stay empty (ISO/IEC 18004). */
const QUIET = 4;

interface Drawn {
  readonly size: number;
  readonly path: string;
}

function draw(text: string): Drawn | undefined {
  try {
    const { size, data } = encode(text, { ecc: "L", border: QUIET });
    const path = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : []))).join("");
    return { size, path };
  } catch {
    // The largest code holds 2,953 bytes.
    return undefined;
  }
}

export function QrCode(props: { readonly text: string; readonly label: string }): JSX.Element {
  const drawn = createMemo(() => draw(props.text));
  return (
    <Show when={drawn()} fallback={<p class="quiet">This link is too long for a QR code. Copy it instead.</p>}>
      {(code) => (
        <svg
          class="qr-code"
          viewBox={`0 0 ${code().size} ${code().size}`}
          role="img"
          aria-label={props.label}
          shape-rendering="crispEdges"
        >
          <path fill="#fff" d={`M0 0h${code().size}v${code().size}H0z`} />
          <path fill="#000" d={code().path} />
        </svg>
      )}
    </Show>
  );
}
