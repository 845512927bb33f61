/** Typed arrays, whichever realm they are of. */

/**
 * The name of a typed array's type, such as `Int32Array`, and of a Buffer `Uint8Array`; undefined for all else. To
 * `instanceof` those of another realm are foreign, and test runners give each file a realm of its own.
 */
export function typedArrayName(value: unknown): string | undefined {
  return ArrayBuffer.isView(value)
    ? (value as { [Symbol.toStringTag]?: string })[Symbol.toStringTag]
    : undefined;
}
