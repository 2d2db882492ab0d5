/** One of everything that cells put out, to be looked at and checked as a whole. */
import type { MimeBundle } from "#core/kernel/mime.ts";

export interface Sample {
  readonly name: string;
  readonly bundle: MimeBundle;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const E = "\u001b";

const MARKDOWN = `# Air in the city

Measured at *three* stations over **eleven years**, see [the data](data/air.csv) and <https://example.org/air>.
The mean of station $i$ is $\\bar{x}_i = \\frac{1}{n}\\sum_{t} x_{i,t}$, where \`n\` counts hours, not days.

## What was done

1. Read the file
2. Drop what is not a number
   - below zero
   - above 1,000
3. Draw

- [x] cleaned
- [ ] published

> The instrument was replaced in 2019.

> [!NOTE]
> Values before 2015 are daily means.

> [!WARNING]
> Station C has gaps.

$$
\\operatorname{Var}(X) = \\mathbb{E}\\left[(X - \\mu)^2\\right] = \\int_{-\\infty}^{\\infty} (x-\\mu)^2 f(x)\\,dx
$$

| station | mean | highest |
| --- | ---: | ---: |
| North | 21.4 | 88 |
| Harbour | 34.9 | 143 |

### In code

\`\`\`python
def mean(values: list[float]) -> float:
    """The arithmetic mean."""
    return sum(values) / len(values)  # never empty
\`\`\`

\`\`\`typescript
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
\`\`\`

---

Press <kbd>Shift</kbd>+<kbd>Enter</kbd> to run. ~~Not~~ done.
`;

const TABLE = `<div>
<style scoped>
    .dataframe tbody tr th:only-of-type { vertical-align: middle; }
    .dataframe thead th { text-align: right; }
</style>
<table border="1" class="dataframe">
  <thead><tr style="text-align: right;"><th></th><th>station</th><th>mean</th><th>highest</th></tr></thead>
  <tbody>
    <tr><th>0</th><td>North</td><td>21.41</td><td>88</td></tr>
    <tr><th>1</th><td>Harbour</td><td>34.92</td><td>143</td></tr>
    <tr><th>2</th><td>Hill</td><td>9.07</td><td>41</td></tr>
  </tbody>
</table>
<p>3 rows × 3 columns</p>
</div>`;

/** A bar chart. */
export const CHART = {
  $schema: "https://vega.github.io/schema/vega-lite/v6.json",
  title: "Highest value by station",
  data: { values: [{ a: "North", b: 88 }, { a: "Harbour", b: 143 }, { a: "Hill", b: 41 }, { a: "Park", b: 57 }] },
  mark: "bar",
  width: 320,
  height: 160,
  encoding: {
    x: { field: "a", type: "nominal", title: "Station", axis: { labelAngle: 0 } },
    y: { field: "b", type: "quantitative", title: "µg/m³" },
    color: { field: "a", type: "nominal", legend: null },
  },
}; // prettier-ignore

const SVG = `<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="320" height="90" viewBox="0 0 320 90" fill="none">
<defs><linearGradient id="a"><stop offset="0" stop-color="#0b6e74"/><stop offset="1" stop-color="#c25a1a"/></linearGradient>
<circle id="dot" r="5" fill="currentColor"/></defs>
<path d="M10 70 C 60 10, 110 90, 160 40 S 260 10, 310 60" stroke="url(#a)" stroke-width="4"/>
<use href="#dot" x="10" y="70"/><use href="#dot" x="310" y="60"/><text x="20" y="20" fill="currentColor" font-size="12">Harbour</text></svg>`;

/** A red dot, 5 by 5. */
export const PICTURE =
  "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==";

export const SAMPLES: readonly Sample[] = [
  { name: "Markdown", bundle: { "text/markdown": MARKDOWN } },
  {
    name: "Printed text",
    bundle: {
      "application/vnd.kroma.stream": {
        name: "stdout",
        text:
          `Reading air.csv … ${E}[32mok${E}[0m\n${E}[1mstation   mean  highest${E}[0m\nNorth    ${E}[33m21.41${E}[0m       88\nHarbour  ${E}[31m34.92${E}[0m      143\n` +
          `${E}[30mblack ${E}[31mred ${E}[32mgreen ${E}[33myellow ${E}[34mblue ${E}[35mmagenta ${E}[36mcyan ${E}[37mwhite${E}[0m ` +
          `${E}[90mblack ${E}[91mred ${E}[92mgreen ${E}[93myellow ${E}[94mblue ${E}[95mmagenta ${E}[96mcyan ${E}[97mwhite${E}[0m\n` +
          `${E}[41m red ${E}[42m green ${E}[43m yellow ${E}[44m blue ${E}[45m magenta ${E}[46m cyan ${E}[0m ${E}[7minverse${E}[0m ${E}[3mitalic${E}[0m ${E}[4munderline${E}[0m\n` +
          `100%|${"█".repeat(40)}| 1000/1000 [00:02<00:00, 480.1it/s]\nSee https://example.org/air?year=2024.\n`,
      },
    },
  },
  { name: "Standard error", bundle: { "application/vnd.kroma.stream": { name: "stderr", text: "cell 3:2: UserWarning: station C has gaps\n  warnings.warn(message)\n" } } },
  {
    name: "Many lines",
    bundle: { "application/vnd.kroma.stream": { name: "stdout", text: Array.from({ length: 5000 }, (_none, index) => `line ${index} ${"·".repeat(index % 40)}\n`).join("") } },
  },
  {
    name: "Error",
    bundle: {
      "application/vnd.kroma.error": {
        ename: "NameError",
        evalue: "name 'prices' is not defined",
        line: 3,
        traceback: ["Traceback (most recent call last):", '  File "cell 4", line 3, in <module>', "    mean(prices)", "         ^^^^^^", `${E}[1;31mNameError${E}[0m: name 'prices' is not defined`],
      },
    },
  },
  {
    name: "Missing module",
    bundle: { "application/vnd.kroma.error": { ename: "ModuleNotFoundError", evalue: "No module named 'sklearn'", line: 1, traceback: [] } },
  },
  { name: "Interrupted", bundle: { "application/vnd.kroma.error": { ename: "KeyboardInterrupt", evalue: "", traceback: ["KeyboardInterrupt"], line: 2 } } },
  { name: "Table", bundle: { "text/html": TABLE, "text/plain": "…" } },
  {
    name: "HTML with a script",
    bundle: { "text/html": "<h3>Counter</h3><p id=x>0</p><button onclick=\"x.textContent = 1 + +x.textContent\">Add one</button><script>x.textContent = 41</script>" },
  },
  { name: "Vega-Lite", bundle: { "application/vnd.vegalite.v6+json": CHART } },
  { name: "SVG", bundle: { "image/svg+xml": SVG } },
  { name: "Picture", bundle: { "image/png": PICTURE, "text/plain": "<Figure size 640x480 with 1 Axes>" }, metadata: { "image/png": { width: 60, height: 60 } } },
  { name: "LaTeX", bundle: { "text/latex": "$\\displaystyle \\sum_{k=1}^{n} k^2 = \\frac{n(n+1)(2n+1)}{6}$" } },
  {
    name: "JSON",
    bundle: { "application/json": { title: "Air", stations: [{ name: "North", at: [52.5, 13.4], open: true }, { name: "Hill", at: [52.4, 13.1], open: false }], values: Array.from({ length: 1234 }, (_none, index) => index), note: null } },
    metadata: { expanded: true },
  },
  { name: "CSV", bundle: { "text/csv": "station,mean,highest\nNorth,21.41,88\n\"Harbour, east\",34.92,143\n" } },
  { name: "Text", bundle: { "text/plain": "array([[1, 2, 3],\n       [4, 5, 6]])" } },
  { name: "Unknown type", bundle: { "application/x-something": "AAAA" } },
  { name: "Widget without a kernel", bundle: { "application/vnd.jupyter.widget-view+json": { model_id: "none", version_major: 2, version_minor: 0 }, "text/plain": "Counter(value=3)" } },
]; // prettier-ignore
