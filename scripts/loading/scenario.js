/** What a scenario is, and what several of them need. */
import { Failure } from '../command.js';

/**
 * Tries a place; says in a few words what is worth to know of it.
 *
 * @typedef {(workshop: import('./project.js').Workshop, options: { rounds: number }) => Promise<string | void>} Scenario
 * @throws {Failure} where it went wrong
 * @throws {import('../binaries/tools.js').Unavailable} where it cannot be tried here
 */

/**
 * @param {string} what was expected
 * @param {unknown} holds
 * @param {string} [got]
 */
export function expect(what, holds, got = '') {
  if (!holds)
    throw new Failure(`expected ${what}${got && `, got\n    ${got.trim().replaceAll('\n', '\n    ')}`}`);
}
