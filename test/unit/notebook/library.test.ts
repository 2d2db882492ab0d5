/** What the library says of a notebook without opening it. */
import { expect, it } from "vitest";
import { describeNotebook } from "#core/notebook/library.ts";
import { readPercent } from "#core/notebook/percent.ts";

const excerpt = (script: string): string =>
  describeNotebook({ ...readPercent(script).notebook, title: "Rivers" }).excerpt;

it("shows the words of Markdown without its marks", () => {
  expect(
    excerpt(
      "# %% [markdown]\n# # Rivers\n\n# %% [markdown]\n# > See **[the map](https://a.example/x_y)**, ~~old~~ `snake_case` names\n# \n# | a | b |\n# |---|--:|\n# | 1 | 2 |\n# - [x] done\n",
    ),
  ).toBe("See the map, old snake_case names a b 1 2 done");
});

it("leaves code as it is written", () => {
  expect(excerpt("# %%\nmy_area = width * height ** 2\n")).toBe("my_area = width * height ** 2");
});
