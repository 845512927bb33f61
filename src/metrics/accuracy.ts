import { DtypeError, ShapeError } from '../errors.js';
import { formatShape } from '../shape.js';
import type { Tensor } from '../tensor.js';
import type { Metric } from './metric.js';

/**
 * The share of samples whose largest score is that of their label.
 *
 * Outputs are scores, or probabilities, of shape [N, classes]; labels are int32 or uint8 of shape [N].
 */
export function accuracy(): Metric {
  return {
    name: 'accuracy',
    native: 'accuracy',
    check,
    compute(output, target) {
      check(output, target);
      return { sum: output.argmax(1).eq(target).to('int32').sum().item(), count: target.size };
    },
  };
}

function check(output: Tensor, target: Tensor): void {
  if (output.ndim !== 2 || target.ndim !== 1 || output.shape[0] !== target.shape[0]) {
    throw new ShapeError(
      'accuracy: expected scores [N, classes] and labels [N], ' +
        `got ${formatShape(output.shape)} and ${formatShape(target.shape)}`,
    );
  }
  if (output.dtype !== 'float32' || (target.dtype !== 'int32' && target.dtype !== 'uint8')) {
    throw new DtypeError(
      `accuracy: expected float32 scores and int32 labels, got ${output.dtype} and ${target.dtype}`,
    );
  }
}
