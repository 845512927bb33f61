/** How the time of an epoch grows with samples, parameters and threads: logarithmic both ways, beside a straight line. */
import { Failure } from '../../scripts/command.js';
import { isOwn } from '../peers.js';
import { type Curve, type Report, seriesOf } from '../report.js';
import { formatSeconds } from '../table.js';
import { labelOf, line, picture, text, WIDTH } from './svg.js';

const TOP = 110;
const BOTTOM = 310;
const GAP = 62;

/** A number of samples or parameters, short. */
function formatSize(size: number): string {
  if (size < 1000) return String(size);
  return size < 1e6 ? `${Number((size / 1e3).toPrecision(3))}k` : `${Number((size / 1e6).toPrecision(3))}M`;
}

function span(values: readonly number[]): [number, number] {
  return [Math.min(...values), Math.max(...values)];
}

/** From a range to a range, by logarithms. */
function scale([from, to]: [number, number], [start, end]: [number, number]): (value: number) => number {
  const width = Math.log(to / from) || 1;
  return (value) => start + (Math.log(value / from) / width) * (end - start);
}

/** 1, 2 and 5 times powers of ten, within a range. */
function ticksOf([from, to]: [number, number]): number[] {
  const powers = Array.from({ length: 24 }, (_, i) => 10 ** (i - 9));
  return powers
    .flatMap((power) => [1, 2, 5].map((n) => n * power))
    .filter((tick) => tick >= from && tick <= to);
}

interface Panel {
  name: string;
  curves: Curve[];
}

function drawPanel({ name, curves }: Panel, left: number, right: number): string[] {
  const points = curves.flatMap((curve) => curve.points);
  const sizes = span(points.map(({ size }) => size));
  const [least, most] = span(points.map(({ seconds }) => seconds));
  const times: [number, number] = [least / 1.3, most * 1.3];
  const x = scale(sizes, [left, right]);
  const y = scale(times, [BOTTOM, TOP]);
  const marks = [text(left, TOP - 14, `against ${name}`, 'class="group"')];
  for (const tick of ticksOf(times)) {
    marks.push(line('grid', left, y(tick), right, y(tick)));
    marks.push(
      text(left - 6, y(tick) + 4, formatSeconds(tick).replace(/\.0+(?= )/, ''), 'text-anchor="end"'),
    );
  }
  const known = [...new Set(points.map(({ size }) => size))];
  for (const [i, size] of known.entries()) {
    // Every other one where they would run into each other.
    if (known.length > 4 && (known.length - 1 - i) % 2 === 1) continue;
    marks.push(text(x(size), BOTTOM + 18, formatSize(size), 'text-anchor="middle"'));
  }
  marks.push(line('one', left, BOTTOM, right, BOTTOM));
  for (const { lane, points } of curves) {
    const kind = isOwn(lane) ? 'own' : 'peer';
    const path = points
      .map(({ size, seconds }) => `${x(size).toFixed(1)},${y(seconds).toFixed(1)}`)
      .join(' ');
    marks.push(`<polyline class="curve ${kind}Curve" points="${path}"/>`);
    for (const { size, seconds } of points) {
      marks.push(
        `<circle class="${kind}0" cx="${x(size).toFixed(1)}" cy="${y(seconds).toFixed(1)}" r="3.5"/>`,
      );
    }
    if (isOwn(lane)) marks.push(...proportional(name, points, x, y));
  }
  return marks;
}

/** What it would be if twice as much took twice as long, from the largest case down; with threads, half as long. */
function proportional(
  name: string,
  points: Curve['points'],
  x: (size: number) => number,
  y: (seconds: number) => number,
): string[] {
  const growing = name !== 'threads';
  const [from, to] = [points[0], points.at(-1)];
  if (!from || !to || from === to) return [];
  const ratio = to.size / from.size;
  const [start, end] = growing ? [to.seconds / ratio, to.seconds] : [from.seconds, from.seconds / ratio];
  const [first, last] = [
    [x(from.size), y(start)],
    [x(to.size), y(end)],
  ] as [Point, Point];
  return [line('linear', ...inside(first, last), ...inside(last, first))];
}

type Point = [x: number, y: number];

/** The end of a straight line, or where it comes from below the axis. */
function inside([x, y]: Point, [otherX, otherY]: Point): Point {
  if (y <= BOTTOM) return [x, y];
  return [x + ((otherX - x) * (BOTTOM - y)) / (otherY - y), BOTTOM];
}

export function drawSeries(reports: readonly Report[]): string {
  const [report] = reports;
  const panels = report ? seriesOf(report.cases) : [];
  if (!report || panels.length === 0) throw new Failure('this report has no suite scaling');
  const width = WIDTH / panels.length;
  const lanes = [...new Set(panels.flatMap(({ curves }) => curves.map(({ lane }) => lane)))];
  const legend = lanes.flatMap((lane, i) => [
    `<circle class="${isOwn(lane) ? 'own' : 'peer'}0" cx="${14 + i * 150}" cy="62" r="4"/>`,
    text(24 + i * 150, 66, labelOf(lane)),
  ]);
  const at = 24 + lanes.length * 150;
  legend.push(line('linear', at - 16, 62, at + 10, 62), text(at + 16, 66, 'in proportion'));
  const marks = panels.flatMap((panel, i) => drawPanel(panel, i * width + GAP, (i + 1) * width - 14));
  const title = 'Time of an epoch of 784-128-10, batch 64';
  return picture(title, [report], `${report.isa}; logarithmic`, BOTTOM + 34, [...legend, ...marks]);
}
