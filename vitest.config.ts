import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // They import 'ferrograd', the built package, as a user does: through package.json's exports.
    include: ['__test__/**/*.test.ts'],
    // Processes, not threads: memory is measured by process, and a crash of native code ends one file only.
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    typecheck: {
      enabled: true,
      include: ['__test__/**/*.test-d.ts'],
      // Errors in other files are reported by `npm run typecheck`.
      ignoreSourceErrors: true,
    },
  },
});
