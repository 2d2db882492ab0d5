/**
 * From the map of where text is to turned rectangles around its lines, after "Real-time Scene Text Detection with
 * Differentiable Binarization" (Liao et al., arXiv:1911.08947): regions above a threshold, the smallest rectangle around
 * each, made larger again because the map shows text shrunk.
 */
import type { Point, Quad } from "./pixels.ts";

export interface Box {
  readonly quad: Quad;
  /** Mean of the map in the region, 0 to 1. */
  readonly score: number;
}

/** PaddleOCR's defaults for these models. */
const THRESHOLD = 0.3;
const LEAST_SCORE = 0.6;
const UNCLIP = 1.5;
const LEAST_SIDE = 3;
const MOST_REGIONS = 1000;

/** The boxes of a map of `width` by `height`, in its own pixels. */
export function boxesOf(map: Float32Array, width: number, height: number): readonly Box[] {
  const boxes: Box[] = [];
  for (const { points, score } of regionsOf(map, width, height)) {
    if (score < LEAST_SCORE) continue;
    const box = smallestRectangle(convexHull(points));
    if (!box || Math.min(box.width, box.height) < LEAST_SIDE) continue;
    const grow = (box.width * box.height * UNCLIP) / (2 * (box.width + box.height));
    const quad = asRead({ ...box, width: box.width + 2 * grow, height: box.height + 2 * grow });
    boxes.push({ quad, score });
    if (boxes.length === MOST_REGIONS) break;
  }
  return boxes;
}

interface Region {
  /** The pixels at its rim. */
  readonly points: readonly Point[];
  readonly score: number;
}

function* regionsOf(map: Float32Array, width: number, height: number): Generator<Region> {
  const seen = new Uint8Array(width * height);
  const queue = new Int32Array(width * height);
  for (let start = 0; start < map.length; start++) {
    if (seen[start] || map[start]! <= THRESHOLD) continue;
    const points: Point[] = [];
    let sum = 0;
    let filled = 1;
    queue[0] = start;
    seen[start] = 1;
    for (let next = 0; next < filled; next++) {
      const at = queue[next]!;
      const x = at % width;
      const y = (at - x) / width;
      sum += map[at]!;
      let rim = false;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const column = x + dx;
          const row = y + dy;
          const inside = column >= 0 && column < width && row >= 0 && row < height;
          const neighbour = row * width + column;
          if (!inside || map[neighbour]! <= THRESHOLD) rim = true;
          else if (!seen[neighbour]) {
            seen[neighbour] = 1;
            queue[filled++] = neighbour;
          }
        }
      }
      if (rim) points.push({ x, y }, { x: x + 1, y }, { x, y: y + 1 }, { x: x + 1, y: y + 1 });
    }
    yield { points, score: sum / filled };
  }
}

/** Andrew's monotone chain. */
function convexHull(points: readonly Point[]): readonly Point[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const half = (ordered: readonly Point[]): Point[] => {
    const chain: Point[] = [];
    for (const point of ordered) {
      while (chain.length >= 2 && turn(chain.at(-2)!, chain.at(-1)!, point) <= 0) chain.pop();
      chain.push(point);
    }
    chain.pop();
    return chain;
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

const turn = (a: Point, b: Point, c: Point): number => (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);

interface Rectangle {
  readonly centre: Point;
  readonly width: number;
  readonly height: number;
  /** Of the side called width, in radians. */
  readonly angle: number;
}

/** One of its sides lies on one of the hull's (Freeman and Shapira 1975). */
function smallestRectangle(hull: readonly Point[]): Rectangle | undefined {
  let best: Rectangle | undefined;
  for (const [index, from] of hull.entries()) {
    const to = hull[(index + 1) % hull.length]!;
    const angle = Math.atan2(to.y - from.y, to.x - from.x);
    const cos = Math.cos(angle);
    const sin = Math.sin(angle);
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const { x, y } of hull) {
      const u = x * cos + y * sin;
      const v = y * cos - x * sin;
      left = Math.min(left, u);
      right = Math.max(right, u);
      top = Math.min(top, v);
      bottom = Math.max(bottom, v);
    }
    const width = right - left;
    const height = bottom - top;
    if (best && width * height >= best.width * best.height) continue;
    const u = (left + right) / 2;
    const v = (top + bottom) / 2;
    best = { centre: { x: u * cos - v * sin, y: u * sin + v * cos }, width, height, angle };
  }
  return best;
}

/** The corners in the order in which a line reads: turned by less than a quarter, and up if it is much higher than wide. */
function asRead({ centre, width, height, angle }: Rectangle): Quad {
  const quarter = Math.PI / 2;
  let turned = angle;
  let [across, down] = [width, height];
  while (turned > quarter / 2) {
    turned -= quarter;
    [across, down] = [down, across];
  }
  while (turned <= -quarter / 2) {
    turned += quarter;
    [across, down] = [down, across];
  }
  if (down >= across * 1.5) {
    // A column of text is read from its foot, turned by a quarter.
    turned -= quarter;
    [across, down] = [down, across];
  }
  const ux = (Math.cos(turned) * across) / 2;
  const uy = (Math.sin(turned) * across) / 2;
  const vx = (-Math.sin(turned) * down) / 2;
  const vy = (Math.cos(turned) * down) / 2;
  return [
    { x: centre.x - ux - vx, y: centre.y - uy - vy },
    { x: centre.x + ux - vx, y: centre.y + uy - vy },
    { x: centre.x + ux + vx, y: centre.y + uy + vy },
    { x: centre.x - ux + vx, y: centre.y - uy + vy },
  ];
}

/** Boxes in the order of reading: lines from top to bottom, and what stands in one line from left to right. */
export function inReadingOrder<B extends Pick<Box, "quad">>(boxes: readonly B[]): readonly B[] {
  const middle = ({ quad }: B): number => quad.reduce((sum, { y }) => sum + y, 0) / 4;
  const left = ({ quad }: B): number => Math.min(...quad.map(({ x }) => x));
  const height = ({ quad }: B): number => Math.hypot(quad[3].x - quad[0].x, quad[3].y - quad[0].y);
  const rows: B[][] = [];
  for (const box of [...boxes].sort((a, b) => middle(a) - middle(b))) {
    const row = rows.at(-1);
    const first = row?.[0];
    if (row && first && middle(box) - middle(first) < Math.min(height(first), height(box)) / 2) row.push(box);
    else rows.push([box]);
  }
  return rows.flatMap((row) => row.sort((a, b) => left(a) - left(b)));
}
