/**
 * Draws reports.
 *
 *   npx tsx bench/chart.ts epoch bench/results/*.json > bench/results/epoch.svg      how long an epoch takes
 *   npx tsx bench/chart.ts ratios bench/results/*.json > bench/results/ratios.svg    peers against ferrograd
 *   npx tsx bench/chart.ts scaling REPORT.json > docs/scaling.svg                    against size and threads
 *
 * Reports of several instruction sets become several bars for each peer.
 */
import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';
import { Failure, script } from '../scripts/command.js';
import { drawEpochs } from './charts/epoch.js';
import { drawRatios } from './charts/ratios.js';
import { drawSeries } from './charts/series.js';
import type { Report } from './report.js';

const charts: Record<string, (reports: readonly Report[]) => string> = {
  epoch: drawEpochs,
  ratios: drawRatios,
  scaling: drawSeries,
};

await script(async () => {
  const [kind = '', ...files] = argv.slice(2);
  const draw = charts[kind];
  if (!draw) throw new Failure(`expected a kind of chart, ${Object.keys(charts).join(', ')}, and reports`);
  const reports: Report[] = files.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  const doubtful = reports.find(({ notQuotable }) => notQuotable.length > 0);
  if (doubtful) throw new Failure(`not quotable: ${doubtful.notQuotable.join('; ')}`);
  stdout.write(draw(reports));
});
