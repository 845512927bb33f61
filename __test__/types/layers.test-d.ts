import { nn, optim, type Shape, type Tensor, zeros } from 'ferrograd';
import { describe, expectTypeOf, test } from 'vitest';

declare const plain: Tensor;

describe('Linear', () => {
  const layer = new nn.Linear(784, 128);

  test('knows its numbers', () => {
    expectTypeOf(layer).toEqualTypeOf<nn.Linear<784, 128>>();
    expectTypeOf(layer.weight.shape).toEqualTypeOf<[128, 784]>();
    expectTypeOf(layer.inFeatures).toEqualTypeOf<784>();
    expectTypeOf(new nn.Linear(28 * 28, 128)).toEqualTypeOf<nn.Linear<number, 128>>();
    expectTypeOf(layer).toExtend<nn.Linear>();
    expectTypeOf(layer).toExtend<nn.Module>();
  });

  test('changes the last size', () => {
    expectTypeOf(layer.forward(zeros([64, 784])).shape).toEqualTypeOf<[64, 128]>();
    expectTypeOf(layer.forward(zeros([784])).shape).toEqualTypeOf<[128]>();
    expectTypeOf(layer.forward(plain.view(-1, 28 * 28)).shape).toEqualTypeOf<[number, 128]>();
    expectTypeOf(layer.forward(plain).shape).toEqualTypeOf<Shape>();
    expectTypeOf(new nn.Linear(28 * 28, 128).forward(zeros([64, 784])).shape).toEqualTypeOf<[64, 128]>();
  });

  test('refuses another size', () => {
    // @ts-expect-error 784 is expected
    layer.forward(zeros([64, 100]));
  });
});

describe('Sequential', () => {
  const model = new nn.Sequential(
    new nn.Flatten(),
    new nn.Linear(784, 128),
    new nn.ReLU(),
    new nn.Dropout(0.1),
    new nn.Linear(128, 10),
  );

  test('knows its layers, its input and its output', () => {
    expectTypeOf(model.layers[1]).toEqualTypeOf<nn.Linear<784, 128>>();
    expectTypeOf(model.forward(zeros([64, 1, 28, 28])).shape).toEqualTypeOf<[64, 10]>();
    expectTypeOf(model.forward(plain).shape).toEqualTypeOf<Shape>();
    expectTypeOf(model).toExtend<nn.Sequential>();
    expectTypeOf(model).toExtend<nn.Module>();
  });

  test('may be a layer of another one', () => {
    const outer = new nn.Sequential(model, new nn.LogSoftmax(), new nn.Linear(10, 2));
    expectTypeOf(outer.forward(zeros([64, 1, 28, 28])).shape).toEqualTypeOf<[64, 2]>();
    // @ts-expect-error the inner one gives 10
    new nn.Sequential(model, new nn.Linear(11, 2));
    const head = new nn.Sequential(new nn.Linear(11, 2));
    // @ts-expect-error the inner one takes 11
    new nn.Sequential(model, head);
  });

  test('does not compile if layers do not fit', () => {
    // @ts-expect-error 128 against 64
    new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(64, 10));
    const narrow = new nn.Sequential(new nn.ReLU(), new nn.Linear(784, 10));
    // @ts-expect-error 784 against 100
    narrow.forward(zeros([64, 100]));
  });

  test('takes layers of which little is known', () => {
    class Mine extends nn.Module {
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const mixed = new nn.Sequential(new nn.Linear(28 * 28, 128), new Mine(), new nn.Linear(64, 10));
    expectTypeOf(mixed.forward(plain)).toExtend<Tensor>();
    const layers: nn.Module[] = [new nn.Linear(2, 3), new nn.Linear(3, 4)];
    expectTypeOf(new nn.Sequential(...layers).forward(zeros([1, 2])).shape).toEqualTypeOf<Shape>();
    expectTypeOf(new nn.Sequential().forward(zeros([1, 2])).shape).toEqualTypeOf<[1, 2]>();
  });
});

describe('the rest', () => {
  test('activations keep the shape', () => {
    expectTypeOf(new nn.ReLU().forward(zeros([2, 3])).shape).toEqualTypeOf<[2, 3]>();
    expectTypeOf(new nn.Softmax().forward(plain).shape).toEqualTypeOf<Shape>();
  });

  test('losses are scalars unless nothing is reduced', () => {
    expectTypeOf(new nn.CrossEntropyLoss().forward(plain, plain).shape).toEqualTypeOf<[]>();
    expectTypeOf(new nn.MSELoss({ reduction: 'sum' }).forward(plain, plain).shape).toEqualTypeOf<[]>();
    expectTypeOf(new nn.NLLLoss({ reduction: 'none' }).forward(plain, plain).shape).toEqualTypeOf<Shape>();
  });

  test('unknown options do not compile', () => {
    // @ts-expect-error
    new nn.CrossEntropyLoss({ smoothing: 0.1 });
    // @ts-expect-error
    new optim.SGD(new nn.Linear(2, 3).parameters(), { learningRate: 0.1 });
    // @ts-expect-error
    new optim.SGD([{ params: new nn.Linear(2, 3).parameters(), learningRate: 0.1 }]);
  });

  test('parameter groups have options', () => {
    const optimizer = new optim.SGD([{ params: new nn.Linear(2, 3).parameters(), lr: 0.1 }], {
      momentum: 0.9,
    });
    expectTypeOf(optimizer.paramGroups[0]!.lr).toEqualTypeOf<number>();
    expectTypeOf(optimizer.paramGroups[0]!.nesterov).toEqualTypeOf<boolean>();
  });

  test('registerBuffer keeps the type', () => {
    class Normalized extends nn.Module {
      mean = this.registerBuffer('mean', zeros([10]));
      forward(x: Tensor): Tensor {
        return x.sub(this.mean);
      }
    }
    expectTypeOf(new Normalized().mean.shape).toEqualTypeOf<[10]>();
  });
});
