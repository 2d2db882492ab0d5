/** Pictures as pixels, and the two ways in which the models want them: scaled, and a turned rectangle cut out straight. */

/** Red, green, blue and opacity of each pixel, row by row. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Turns the bytes of a picture's file into pixels. Rejects with `invalid` for what it can't read. */
export type DecodePicture = (bytes: Uint8Array<ArrayBuffer>) => Promise<Pixels>;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The corners of a turned rectangle as its text reads: top left, top right, bottom right, bottom left. */
export type Quad = readonly [Point, Point, Point, Point];

/** What is taken from a byte to make the number that a model wants: (value / 255 - mean) / deviation, by channel. */
export interface Scaling {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/**
 * The rectangle of a picture as three planes of `width` by `height`, in the order blue, green, red, which is that of
 * the pictures PaddleOCR's models were trained with. What is transparent is white.
 */
export function planesOf(
  pixels: Pixels,
  quad: Quad,
  width: number,
  height: number,
  { mean, deviation }: Scaling,
  planes: {
    readonly data: Float32Array;
    readonly offset: number;
    readonly rowLength: number;
    readonly planeLength: number;
  },
): void {
  const [origin, right, , below] = quad;
  const stepX = { x: (right.x - origin.x) / width, y: (right.y - origin.y) / width };
  const stepY = { x: (below.x - origin.x) / height, y: (below.y - origin.y) / height };
  const { data, offset, rowLength, planeLength } = planes;
  const colour = new Float32Array(3);
  // Where a pixel of the result covers several of the picture, it is their mean: text that is only sampled breaks.
  const samples = Math.max(
    1,
    Math.min(4, Math.round(Math.max(Math.hypot(stepX.x, stepX.y), Math.hypot(stepY.x, stepY.y)))),
  );
  const share = 1 / (samples * samples);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      colour.fill(0);
      for (let part = 0; part < samples * samples; part++) {
        const across = column + ((part % samples) + 0.5) / samples;
        const down = row + (Math.floor(part / samples) + 0.5) / samples;
        const x = origin.x + across * stepX.x + down * stepY.x - 0.5;
        const y = origin.y + across * stepX.y + down * stepY.y - 0.5;
        addColour(pixels, x, y, share, colour);
      }
      const at = offset + row * rowLength + column;
      for (let channel = 0; channel < 3; channel++) {
        const value = colour[2 - channel] ?? 0;
        data[at + channel * planeLength] = (value / 255 - (mean[channel] ?? 0)) / (deviation[channel] ?? 1);
      }
    }
  }
}

/** Adds the colour at a place between pixels. */
function addColour({ width, height, data }: Pixels, x: number, y: number, share: number, colour: Float32Array): void {
  const left = Math.min(Math.max(x, 0), width - 1);
  const top = Math.min(Math.max(y, 0), height - 1);
  const column = Math.floor(left);
  const row = Math.floor(top);
  const nextColumn = Math.min(column + 1, width - 1);
  const nextRow = Math.min(row + 1, height - 1);
  const fx = left - column;
  const fy = top - row;
  addPixel(data, (row * width + column) * 4, (1 - fx) * (1 - fy) * share, colour);
  addPixel(data, (row * width + nextColumn) * 4, fx * (1 - fy) * share, colour);
  addPixel(data, (nextRow * width + column) * 4, (1 - fx) * fy * share, colour);
  addPixel(data, (nextRow * width + nextColumn) * 4, fx * fy * share, colour);
}

function addPixel(data: Pixels["data"], at: number, weight: number, colour: Float32Array): void {
  if (weight === 0) return;
  const opacity = data[at + 3]! / 255;
  const white = 255 * (1 - opacity);
  colour[0]! += weight * (data[at]! * opacity + white);
  colour[1]! += weight * (data[at + 1]! * opacity + white);
  colour[2]! += weight * (data[at + 2]! * opacity + white);
}

/** All of a picture. */
export const wholeOf = ({ width, height }: Pixels): Quad => [
  { x: 0, y: 0 },
  { x: width, y: 0 },
  { x: width, y: height },
  { x: 0, y: height },
];

/** Length of the upper and of the left edge. */
export const sizeOf = ([origin, right, , below]: Quad): { readonly width: number; readonly height: number } => ({
  width: Math.hypot(right.x - origin.x, right.y - origin.y),
  height: Math.hypot(below.x - origin.x, below.y - origin.y),
});
