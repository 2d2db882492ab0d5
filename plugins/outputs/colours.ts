/**
 * Terminal colours as the page shows them. Programs choose colours for a terminal whose ground they guess, so text
 * is moved towards black or white until it reads against ours: at least 4.5 to 1 (WCAG 2.2, 1.4.3).
 */
import { TRUE_COLOUR, type Colour, type Style } from "./terminal-style.ts";

type Rgb = readonly [number, number, number];

const LIGHT_TEXT = [
  0x24221f, 0xb3261e, 0x2e6b1f, 0x755200, 0x1f56b5, 0x8a2a8c, 0x0b6670, 0x5f5b55, 0x6b6760, 0xb92a20, 0x2f701c,
  0x7d5800, 0x2563c9, 0x9c34a0, 0x0b6a75, 0x4a4742,
];
const DARK_TEXT = [
  0x9a958c, 0xf2857b, 0x8fc77a, 0xdcb65c, 0x82aef5, 0xd99be0, 0x6fc3cc, 0xe6e2dc, 0xa39e96, 0xff9d94, 0xa8dd93,
  0xeec976, 0xa0c3fb, 0xe8b4ee, 0x8ad8e0, 0xffffff,
];
const GROUND = [
  0x1c1b1a, 0xc0392b, 0x3f8f3a, 0xc79a1c, 0x2f6fd0, 0x9b4fa0, 0x2a8f99, 0xd6d2cb, 0x5c5852, 0xe57368, 0x7ec06a,
  0xe6c15a, 0x7aa7f0, 0xcf8fd6, 0x6cc3cc, 0xffffff,
];
/** The theme may say what these are. Black and white depend on the ground, so they are ours. */
const NAMES = [undefined, "red", "green", "yellow", "blue", "magenta", "cyan"];
const LIGHT: Rgb = [252, 251, 249];
const DARK: Rgb = [24, 23, 22];

/** CSS values for a style; undefined leaves the page's own colour. */
export interface Paint {
  readonly color: string | undefined;
  readonly background: string | undefined;
}

/** What a style's colours become on a light or dark page. */
export function paintOf(style: Style, dark: boolean): Paint {
  const foreground = style.inverse ? style.background : style.foreground;
  const background = style.inverse ? style.foreground : style.background;
  if (style.inverse && background === undefined && foreground === undefined) {
    return { color: "var(--ground, Canvas)", background: "var(--text, CanvasText)" };
  }
  const back =
    background !== undefined
      ? rgbOf(background, GROUND)
      : style.inverse
        ? dark
          ? [232, 229, 224]
          : [36, 34, 31]
        : undefined;
  if (back === undefined) {
    if (foreground === undefined) return { color: undefined, background: undefined };
    const colour = css(readable(rgbOf(foreground, dark ? DARK_TEXT : LIGHT_TEXT), dark ? DARK : LIGHT));
    const name = NAMES[foreground];
    return { color: name ? `var(--ansi-${name}, ${colour})` : colour, background: undefined };
  }
  const front: Rgb =
    foreground !== undefined
      ? rgbOf(foreground, GROUND)
      : luminance(back as Rgb) > 0.18
        ? [20, 19, 18]
        : [255, 255, 255];
  return { color: css(readable(front, back as Rgb)), background: css(back as Rgb) };
}

/** WCAG's contrast ratio of two colours, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** The colour, moved towards black or white as little as makes it readable on `ground`. */
export function readable(colour: Rgb, ground: Rgb): Rgb {
  if (contrast(colour, ground) >= 4.5) return colour;
  const target: Rgb = luminance(ground) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  for (let part = 1; part <= 20; part += 1) {
    const mixed = colour.map((value, index) =>
      Math.round(value + ((target[index]! - value) * part) / 20),
    ) as unknown as Rgb;
    if (contrast(mixed, ground) >= 4.5) return mixed;
  }
  return target;
}

function rgbOf(colour: Colour, palette: readonly number[]): Rgb {
  if (colour >= TRUE_COLOUR) return split(colour - TRUE_COLOUR);
  if (colour < 16) return split(palette[colour] ?? 0);
  if (colour >= 232) {
    const grey = 8 + (colour - 232) * 10;
    return [grey, grey, grey];
  }
  const cube = colour - 16;
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

const split = (value: number): Rgb => [(value >> 16) & 255, (value >> 8) & 255, value & 255];
const css = (rgb: Rgb): string => `rgb(${rgb.join(" ")})`;

function luminance(rgb: Rgb): number {
  const [red, green, blue] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
