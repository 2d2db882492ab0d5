/**
 * A small canvas of our own for libraries that paint pixels in passing: Plot's colour ramps and rasters, d3's image
 * tricks. It fills rectangles, puts and gets pixels and becomes a PNG data URL. Where there is an OffscreenCanvas, that
 * one paints; the PNG is ours either way, since `toDataURL` must answer at once.
 */
import { zlibSync } from "fflate";

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray;
}

/** The part of a 2D context that works everywhere. */
export interface Painter {
  fillStyle: unknown;
  fillRect(x: number, y: number, width: number, height: number): void;
  clearRect(x: number, y: number, width: number, height: number): void;
  createImageData(width: number, height: number): Pixels;
  getImageData(x: number, y: number, width: number, height: number): Pixels;
  putImageData(image: Pixels, x: number, y: number): void;
}

const NAMED: Readonly<Record<string, string>> = {
  black: "#000000",
  white: "#ffffff",
  red: "#ff0000",
  green: "#008000",
  blue: "#0000ff",
  gray: "#808080",
  grey: "#808080",
  yellow: "#ffff00",
  orange: "#ffa500",
  purple: "#800080",
  steelblue: "#4682b4",
  transparent: "#00000000",
};

/** A CSS colour as four bytes: hex, rgb(), rgba(), hsl(), hsla() and a few names; black for others, as canvases start. */
export function parseColor(text: string): readonly [number, number, number, number] {
  const color = NAMED[text.trim().toLowerCase()] ?? text.trim().toLowerCase();
  const hex = /^#([0-9a-f]{3,8})$/.exec(color)?.[1];
  if (hex !== undefined) {
    const long = hex.length <= 4 ? hex.replace(/./g, "$&$&") : hex;
    const part = (at: number) => Number.parseInt(long.slice(at, at + 2), 16);
    return [part(0), part(2), part(4), long.length === 8 ? part(6) : 255];
  }
  const call = /^(rgb|hsl)a?\(([^)]*)\)$/.exec(color);
  if (!call) return [0, 0, 0, 255];
  const parts = call[2]!.split(/[\s,/]+/).filter((part) => part !== "");
  const number = (at: number, whole: number) => {
    const part = parts[at] ?? "";
    return part.endsWith("%") ? (Number.parseFloat(part) / 100) * whole : Number.parseFloat(part);
  };
  const alpha = parts.length > 3 ? Math.round(number(3, 1) * 255) : 255;
  if (call[1] === "rgb") return [number(0, 255), number(1, 255), number(2, 255), alpha];
  const [hue, saturation, lightness] = [number(0, 360), number(1, 1), number(2, 1)];
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    return (
      255 * (lightness - saturation * Math.min(lightness, 1 - lightness) * Math.max(-1, Math.min(k - 3, 9 - k, 1)))
    );
  };
  return [channel(0), channel(8), channel(4), alpha];
}

class SoftwarePainter implements Painter {
  fillStyle: unknown = "#000000";
  readonly #pixels: Pixels;
  constructor(width: number, height: number) {
    this.#pixels = { width, height, data: new Uint8ClampedArray(width * height * 4) };
  }
  #each(x: number, y: number, width: number, height: number, set: (at: number) => void): void {
    const { width: all, height: high } = this.#pixels;
    for (let row = Math.max(0, Math.round(y)); row < Math.min(high, Math.round(y + height)); row++) {
      for (let column = Math.max(0, Math.round(x)); column < Math.min(all, Math.round(x + width)); column++)
        set((row * all + column) * 4);
    }
  }
  fillRect(x: number, y: number, width: number, height: number): void {
    const [red, green, blue, alpha] = parseColor(String(this.fillStyle));
    const { data } = this.#pixels;
    const over = alpha / 255;
    this.#each(x, y, width, height, (at) => {
      const under = (data[at + 3]! / 255) * (1 - over);
      const sum = over + under;
      if (sum === 0) return;
      for (const [index, channel] of [red, green, blue].entries())
        data[at + index] = (channel * over + data[at + index]! * under) / sum;
      data[at + 3] = sum * 255;
    });
  }
  clearRect(x: number, y: number, width: number, height: number): void {
    this.#each(x, y, width, height, (at) => this.#pixels.data.fill(0, at, at + 4));
  }
  createImageData(width: number, height: number): Pixels {
    return { width, height, data: new Uint8ClampedArray(width * height * 4) };
  }
  getImageData(x: number, y: number, width: number, height: number): Pixels {
    const image = this.createImageData(width, height);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [from, to] = [((y + row) * this.#pixels.width + x + column) * 4, (row * width + column) * 4];
        if (x + column < this.#pixels.width && y + row < this.#pixels.height)
          image.data.set(this.#pixels.data.subarray(from, from + 4), to);
      }
    }
    return image;
  }
  putImageData(image: Pixels, x: number, y: number): void {
    for (let row = 0; row < image.height; row++) {
      for (let column = 0; column < image.width; column++) {
        if (x + column < 0 || y + row < 0 || x + column >= this.#pixels.width || y + row >= this.#pixels.height)
          continue;
        const from = (row * image.width + column) * 4;
        this.#pixels.data.set(image.data.subarray(from, from + 4), ((y + row) * this.#pixels.width + x + column) * 4);
      }
    }
  }
}

const CRC = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

function chunk(type: string, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 12);
  const view = new DataView(out.buffer);
  view.setUint32(0, data.length);
  for (let index = 0; index < 4; index++) out[4 + index] = type.charCodeAt(index);
  out.set(data, 8);
  let crc = 0xffffffff;
  for (const byte of out.subarray(4, data.length + 8)) crc = CRC[(crc ^ byte) & 255]! ^ (crc >>> 8);
  view.setUint32(data.length + 8, ~crc >>> 0);
  return out;
}

/** Pixels (RGBA) as a PNG file (W3C PNG, third edition: 8 bits, truecolour with alpha, no filter). */
export function encodePng({ width, height, data }: Pixels): Uint8Array<ArrayBuffer> {
  const rows = new Uint8Array(height * (width * 4 + 1));
  for (let row = 0; row < height; row++)
    rows.set(data.subarray(row * width * 4, (row + 1) * width * 4), row * (width * 4 + 1) + 1);
  const head = new Uint8Array(13);
  const view = new DataView(head.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  head.set([8, 6], 8);
  const parts = [
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk("IHDR", head),
    chunk("IDAT", zlibSync(rows)),
    chunk("IEND", new Uint8Array(0)),
  ];
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/** Bytes as base64 without line breaks. */
export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** Gives a <canvas> of a DOM without pixels a size, a context and a data URL. */
export function makeCanvas(element: object): void {
  const size = { width: 300, height: 150 };
  let painter: Painter | undefined;
  const context = () => {
    const offscreen =
      typeof OffscreenCanvas === "function"
        ? new OffscreenCanvas(size.width, size.height).getContext("2d", { willReadFrequently: true })
        : null;
    return (offscreen as unknown as Painter | null) ?? new SoftwarePainter(size.width, size.height);
  };
  const dimension = (name: "width" | "height") => ({
    get: () => size[name],
    set: (value: unknown) => {
      size[name] = Math.max(0, Math.floor(Number(value) || 0));
      painter = undefined;
    },
    configurable: true,
  });
  Object.defineProperties(element, {
    width: dimension("width"),
    height: dimension("height"),
    getContext: {
      value: (kind: string) => (kind === "2d" && size.width > 0 && size.height > 0 ? (painter ??= context()) : null),
      configurable: true,
    },
    toDataURL: {
      value: () => {
        if (size.width === 0 || size.height === 0) return "data:,";
        painter ??= context();
        return `data:image/png;base64,${base64(encodePng(painter.getImageData(0, 0, size.width, size.height)))}`;
      },
      configurable: true,
    },
  });
}
