/** The colours of people stand out in every theme: 3:1 for a mark on its ground, 4.5:1 for the letters on a mark. */
import { afterEach, expect, it } from "vitest";
import type { MemberId } from "#core/mesh/identity.ts";
import { PERSON_COLOURS, initials, personColour } from "#kit/people.ts";
import "#kit/tokens.css";
import "#kit/themes/light.css";
import "#kit/themes/dark.css";
import "#kit/themes/contrast.css";

const root = document.documentElement;
afterEach(() => {
  delete root.dataset["theme"];
  root.style.colorScheme = "";
});

/** Relative luminance of a custom property's colour (WCAG 2.2). */
function luminance(property: string): number {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(${property})`;
  const channels = /rgb\((\d+), (\d+), (\d+)\)/.exec(getComputedStyle(probe).color)?.slice(1) ?? [];
  probe.remove();
  expect(channels).toHaveLength(3);
  const [red = 0, green = 0, blue = 0] = channels.map((text) => {
    const value = Number(text) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

it.each([
  ["light", ""],
  ["dark", ""],
  ["contrast", "light"],
  ["contrast", "dark"],
])("stand out in the %s theme %s", (theme, scheme) => {
  root.dataset["theme"] = theme;
  root.style.colorScheme = scheme;
  const seen = new Set<number>();
  for (let i = 0; i < PERSON_COLOURS; i++) {
    const colour = `--person-${i}`;
    seen.add(luminance(colour));
    expect(contrast(colour, "--on-person")).toBeGreaterThanOrEqual(4.5);
    for (const ground of ["--ground", "--ground-raised", "--ground-sunk", "--ground-pressed"])
      expect(contrast(colour, ground)).toBeGreaterThanOrEqual(3);
  }
  expect(seen.size).toBe(PERSON_COLOURS);
});

it("are the same for a member everywhere, and all of them are used", () => {
  const ids = Array.from({ length: 200 }, (_, i) => `b${i.toString(32)}member` as MemberId);
  expect(new Set(ids.map(personColour)).size).toBe(PERSON_COLOURS);
  // Pinned: two versions of Kroma show the same person alike.
  expect(personColour("bana" as MemberId)).toBe("var(--person-4)");
});

it("come with at most two letters, whatever the name", () => {
  expect(["Ana", "Ben Okoro", "maria del carmen ruiz", "李小龙", "👩‍🔬 Lab", "  "].map(initials)).toEqual([
    "A",
    "BO",
    "MR",
    "李",
    "👩‍🔬L",
    "S",
  ]);
});
