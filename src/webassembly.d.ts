/** What is used of WebAssembly: its declarations come with those of the DOM, which this package does not want. */
declare namespace WebAssembly {
  interface Memory {
    readonly buffer: ArrayBuffer;
  }
  class Module {
    constructor(bytes: Uint8Array);
    static imports(module: Module): { module: string; name: string }[];
  }
  class Instance {
    constructor(module: Module, imports?: Record<string, Record<string, () => number>>);
    readonly exports: object;
  }
}
