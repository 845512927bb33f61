/** What crates/wasm exports, in plain numbers. */

/** Those that give a boolean, 1 or 0, have a result or an error to be read then. */
export interface Exports {
  readonly memory: WebAssembly.Memory;
  reserve(bytes: number): number;
  result_address(): number;
  result_length(): number;
  initialize(table: number): number;
  version(): number;
  instruction_set(): number;
  get_num_threads(): number;
  set_num_threads(threads: number): number;
  prepare(table: number, count: number): number;
  forget_prepared(): void;
  forward(id: number, table: number, count: number): number;
  backward(table: number, values: number, grads: number): number;
  optimizer_step(table: number, params: number, buffers: number): number;
  fill_uniform(table: number, seed: number, stream: number, low: number, high: number): number;
  fill_normal(table: number, seed: number, stream: number, mean: number, deviation: number): number;
  fill_integers(table: number, seed: number, stream: number, low: number, high: number): number;
  fill_permutation(table: number, seed: number, stream: number): number;
  gather_rows(table: number, row: number): number;
  gather_images(table: number, row: number, divide: number): number;
  write_safetensors(table: number, count: number): number;
  parse_safetensors(table: number): number;
  read_safetensors(table: number, count: number): number;
  synthetic_digits(table: number, seed: number, first: number): number;
  session_create(table: number): number;
  session_free(session: number): void;
  session_compile(session: number, table: number, constants: number): number;
  session_add_data(session: number, table: number): number;
  session_append_data(session: number, table: number, data: number, field: number): number;
  session_set_optimizer(session: number, table: number): number;
  session_write(session: number, table: number, parameters: number, buffers: number): number;
  session_read(session: number, table: number, parameters: number, buffers: number): number;
  session_run(
    session: number,
    table: number,
    data: number,
    batch: number,
    done: number,
    allowNonFinite: number,
  ): number;
  session_step(
    session: number,
    table: number,
    plan: number,
    inputs: number,
    samples: number,
    allowNonFinite: number,
  ): number;
  session_predict(session: number, table: number, plan: number, inputs: number): number;
  session_explain(session: number, plan: number): number;
  peak(threads: number): number;
  inference_compile(table: number, constants: number): number;
  inference_free(inference: number): void;
  inference_keep(inference: number, table: number, parameters: number): number;
  inference_run(inference: number, table: number, inputs: number, parameters: number): number;
}
