/** The module, deflated: scripts/bundle.js puts it there. */
declare module '*.wasm' {
  const deflated: Uint8Array;

  // biome-ignore lint/style/noDefaultExport: so esbuild gives the content of a file
  export { deflated as default };
}
