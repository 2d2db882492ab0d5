/**
 * The looks of a published page. A string and not a style sheet: the page is part of what is published under a hash, so
 * it must be the same bytes in every program, whatever builds it. Colours are those of the app's themes.
 */
import { TABLE_STYLES } from "#kit/page-styles.ts";

const COLOURS: readonly (readonly [string, string, string])[] = [
  ["ground", "#fdfcfa", "#191816"],
  ["sunk", "#f6f4ef", "#211f1c"],
  ["line", "#e3dfd6", "#36332d"],
  ["edge", "#8b857a", "#857e72"],
  ["text", "#1e1c19", "#ece8e0"],
  ["quiet", "#57524a", "#b9b2a5"],
  ["accent", "#0b5a5e", "#79cbc8"],
  ["red", "#a8241b", "#ff9a90"],
  ["red-ground", "#fbecea", "#3a2220"],
  ["keyword", "#7a3b86", "#d6a5e0"],
  ["string", "#2f6335", "#a3cf9f"],
  ["number", "#8a4a12", "#e7b183"],
  ["comment", "#6a645a", "#a19a8d"],
  ["name", "#1d4f7c", "#9bc3ea"],
  ["type", "#0b5a5e", "#79cbc8"],
  ["meta", "#5f5a52", "#b9b2a5"],
];

const colours = COLOURS.map(([name, light, dark]) => `--${name}:light-dark(${light},${dark})`).join(";");
const CODE = "ui-monospace,SFMono-Regular,Menlo,Consolas,monospace";

const RULES = [
  `:root{color-scheme:light dark;${colours}}`,
  "*{box-sizing:border-box}",
  "html{background:var(--ground);color:var(--text);font:1rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;-webkit-text-size-adjust:100%;text-size-adjust:100%}",
  "body{margin:0 auto;max-width:54rem;padding:2rem 1.25rem 4rem}",
  "a{color:var(--accent);text-underline-offset:2px}:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:2px}",
  ".skip{position:absolute;inset-inline-start:-99rem}.skip:focus{inset-inline-start:1rem;inset-block-start:.5rem;background:var(--ground);padding:.25rem .5rem}",
  "header{border-block-end:1px solid var(--line);padding-block-end:1rem;margin-block-end:1.5rem}",
  "h1,h2,h3,h4,h5,h6{line-height:1.25;margin:1.75rem 0 .5rem;text-wrap:balance;overflow-wrap:break-word}",
  "h1{font-size:2rem;margin-block-start:0}h2{font-size:1.5rem}h3{font-size:1.25rem}h4{font-size:1.0625rem}h5,h6{font-size:1rem}",
  ".by{margin:.25rem 0 0;color:var(--quiet)}nav{font-size:.9375rem;margin-block-end:1.5rem}",
  "nav ol{list-style:none;margin:.25rem 0;padding-inline-start:1rem}nav summary{color:var(--quiet)}",
  "footer{border-block-start:1px solid var(--line);margin-block-start:3rem;padding-block-start:1rem;color:var(--quiet);font-size:.875rem;overflow-wrap:anywhere}",
  ".cell{margin:1.25rem 0}summary{cursor:pointer;color:var(--quiet);font-size:.8125rem;padding:.125rem 0}",
  `pre,code,kbd,samp{font-family:${CODE};font-size:.8125rem}pre{line-height:1.5;margin:.25rem 0;white-space:pre-wrap;overflow-wrap:anywhere;tab-size:4}`,
  ".code pre,.markdown pre,.raw pre{background:var(--sunk);border:1px solid var(--line);border-radius:6px;padding:.625rem .875rem}",
  ".markdown :not(pre)>code{background:var(--sunk);border-radius:4px;padding:.1em .3em;overflow-wrap:anywhere}",
  ".outputs{margin:.375rem 0 0;padding-inline-start:.875rem;border-inline-start:2px solid var(--line)}.output+.output{margin-block-start:.5rem}",
  ".output{contain:layout paint}.html,.table,.latex{overflow-x:auto}.stderr{color:var(--quiet)}.cut,.note,.hint{color:var(--quiet)}",
  ".long{max-height:32rem;overflow-y:auto;border:1px solid var(--line);border-radius:6px;padding:.25rem .5rem}",
  ".error{background:var(--red-ground);border-radius:6px;padding:.5rem .875rem}.error p{margin:.125rem 0}.error strong{color:var(--red)}.error.calm{background:var(--sunk)}",
  "img,svg,video{max-width:100%;height:auto}img[height]{height:revert-layer}audio{max-width:100%}.on-light{background:#fff}.on-dark{background:#191816}",
  ".formula{overflow-x:auto}div.formula{margin:.75rem 0;overflow-y:hidden}",
  "blockquote{margin:.75rem 0;padding-inline-start:1rem;border-inline-start:3px solid var(--line);color:var(--quiet)}",
  "li:has(>.task,>p>.task){list-style:none}.task{margin-inline-start:-1.25rem}",
  ".alert{border-color:var(--accent);color:inherit}.alert-title{font-weight:600;margin:0}hr{border:0;border-block-start:1px solid var(--line)}",
  ".tok-keyword,.tok-bool,.tok-atom{color:var(--keyword)}.tok-string,.tok-string2{color:var(--string)}.tok-number{color:var(--number)}",
  ".tok-comment{color:var(--comment);font-style:italic}.tok-definition,.tok-function,.tok-macroName{color:var(--name)}",
  ".tok-typeName,.tok-className,.tok-namespace{color:var(--type)}.tok-meta{color:var(--meta)}",
  TABLE_STYLES,
  "@media print{:root{color-scheme:light}.long{max-height:none;border:0;padding:0}body{max-width:none;padding:0;font-size:.875rem}nav,.skip{display:none}summary{list-style:none}.code pre,.output{break-inside:auto}h1,h2,h3,h4{break-after:avoid}img,svg,tr,.error{break-inside:avoid}a[href^='http']::after{content:' (' attr(href) ')';font-size:.75em;overflow-wrap:anywhere}}",
];

/** The whole style sheet of a page. */
export const PAGE_STYLES = RULES.join("\n");
