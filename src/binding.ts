/**
 * What the native binary exports, written by hand: the binding is private, and only native.ts imports it.
 * Every function here may throw; {@link fromNative} turns what it throws into the public error classes.
 */
export interface Native {
  /** The version that the binary was built as: the same as the package's, or it is not used. */
  version(): string;
}
