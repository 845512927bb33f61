/** Prepared calls: what they are known by. */

import { cat, tensor } from 'ferrograd';
import { expect, test } from 'vitest';

test('what is prepared for some inputs is not taken for others', () => {
  // The very first layouts of the process have the lowest numbers, whose combinations are the likeliest to coincide.
  const vectors = [1, 2, 3, 4].map((n) => tensor(Array.from({ length: n }, (_, i) => 10 * n + i)));
  const numbers = vectors.map((vector) => vector.toArray() as number[]);
  const lists = [0, 1, 2, 3].flatMap((a) =>
    [0, 1, 2, 3].flatMap((b) => [[a], [a, b], ...[0, 1, 2, 3].map((c) => [a, b, c]), [a, b, b, a]]),
  );
  for (const list of lists) {
    const joined = cat(list.map((i) => vectors[i]!));
    expect(joined.toArray()).toEqual(list.flatMap((i) => numbers[i]!));
  }
});
