/** What the program's author should know: by Node.js' warnings, which can be silenced, else on the console. */
export function warn(message: string, type: string, code: string): void {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  if (process?.emitWarning) process.emitWarning(message, { type, code });
  else console.warn(`${type}: ${message}`);
}
