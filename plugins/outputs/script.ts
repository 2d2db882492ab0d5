/** `application/javascript`: never run in the page; in a sandboxed frame, with `element` as Jupyter gives it. */
import { openFrame } from "#kit/frame.ts";
import type { Drawing } from "#kit/renderers.ts";

/** Runs the script in a frame and shows what it puts on its page, and its errors. */
export const drawing: Drawing = {
  render(element, context) {
    const code = (typeof context.data === "string" ? context.data : "")
      .replace(/<\/(script)/gi, "<\\/$1")
      .replace(/<!--/g, "<\\!--");
    const frame = openFrame(element, {
      title: "Script output",
      body:
        `<div id="output"></div><script>const element=document.getElementById("output");` +
        `addEventListener("error",(event)=>{const line=document.createElement("pre");line.style.whiteSpace="pre-wrap";line.textContent=event.message;element.append(line)})</script>` +
        `<script>${code}</script>`,
      dark: context.dark,
      onTheme: context.onTheme,
    });
    return () => frame.close();
  },
};
