/**
 * Styles of HTML outputs on a page without scripts. A string and not a style sheet: it is part of what is published, so it
 * must be the same bytes in every program, whatever builds it.
 */

const TABLES =
  "table{border-collapse:collapse;font-size:.8125rem;line-height:1.55;font-variant-numeric:tabular-nums;margin:.25rem 0}" +
  "caption{caption-side:top;padding:.25rem 0;text-align:start;color:var(--quiet)}" +
  "th,td{padding:.2rem .75rem;text-align:start;vertical-align:top}" +
  "th{font-weight:600}tbody th{font-weight:500;color:var(--quiet)}" +
  ".dataframe th,.dataframe td{text-align:end;white-space:nowrap}.number{text-align:end!important}" +
  "thead{border-block-end:1px solid var(--edge)}tbody tr{border-block-end:1px solid var(--line)}";

/** For what stands in the page. */
export const TABLE_STYLES = TABLES.replaceAll(/([^{}]+)\{/g, (_all, names: string) => {
  return `${names
    .split(",")
    .map((name) => `main ${name}`)
    .join(",")}{`;
});

/** For what stands in a shadow root. */
export const SHADOW_STYLES = `:host{display:block}a{color:var(--accent)}img,svg,video{max-width:100%;height:auto}${TABLES}`;
