//! Matrix products.

use ferrograd_core::{Layout, Shape, Strides};

use crate::apply::{Operands, apply, on_every_isa};
use crate::numbers::{U, is_close, normal};

/// A `rows` × `cols` matrix, row by row or column by column.
fn layout(rows: usize, cols: usize, transposed: bool) -> Layout {
    let strides = if transposed { [1, rows] } else { [cols, 1] };
    Layout { shape: Shape::new(&[rows, cols]).unwrap(), strides: Strides::new(&strides).unwrap(), offset: 0 }
}

/// The product of random matrices, the first of numbers of size `scale`, against `bound(depth)`·u·Σ|a·b|.
fn check(sizes: [usize; 3], transposed: [bool; 2], scale: f64, bound: impl Fn(f64) -> f64) {
    let [rows, depth, cols] = sizes;
    let a = normal((rows * 7 + depth) as u64, rows * depth, scale);
    let b = normal((cols * 5 + depth) as u64, depth * cols, 1.0);
    let lie = [layout(rows, depth, transposed[0]), layout(depth, cols, transposed[1])];
    on_every_isa(|isa| {
        let floats = [(&a[..], lie[0].clone()), (&b[..], lie[1].clone())];
        let operands = Operands { floats: &floats, labels: None };
        let (c, _) = apply("matmul", "{}", &operands, (rows + cols) % 16, None);
        for (at, found) in c.into_iter().enumerate() {
            let (i, j) = (at / cols, at % cols);
            let terms = (0..depth).map(|k| {
                let a = a[i * lie[0].strides[0] + k * lie[0].strides[1]];
                f64::from(a) * f64::from(b[k * lie[1].strides[0] + j * lie[1].strides[1]])
            });
            let (exact, magnitude) = terms.fold((0.0, 0.0), |(sum, all), x| (sum + x, all + x.abs()));
            let subnormal = f64::from(f32::MIN_POSITIVE) * U * depth as f64;
            let allowed = bound(depth as f64) * U * magnitude + subnormal;
            assert!(
                is_close(found, exact, allowed),
                "{sizes:?} {transposed:?} at {i}, {j} with {isa:?}: {found}"
            );
        }
    });
}

const LAYOUTS: [[bool; 2]; 4] = [[false, false], [false, true], [true, false], [true, true]];

/// The bound of any order of additions, with or without fused multiply-add.
fn certain(depth: f64) -> f64 {
    depth + 1.0
}

/// What roundings that are independent of each other come to.
fn likely(depth: f64) -> f64 {
    4.0 + 2.0 * depth.sqrt()
}

#[test]
fn products_stay_within_the_bound_of_their_depth() {
    for depth in 0..=130 {
        for transposed in LAYOUTS {
            check([5, depth, 19], transposed, 1.0, certain);
        }
    }
    for n in [1, 2, 3, 15, 16, 17, 31, 33, 64, 130] {
        for transposed in LAYOUTS {
            check([n, 7, 130 - n], transposed, 1.0, certain);
            check([130 - n, 33, n], transposed, 1.0, certain);
        }
    }
}

#[test]
fn long_products_stay_within_the_bound_of_the_root_of_their_depth() {
    for transposed in LAYOUTS {
        for sizes in [[3, 784, 10], [64, 784, 17], [17, 2000, 33], [2, 10_000, 5]] {
            check(sizes, transposed, 1.0, likely);
        }
    }
}

#[test]
fn tiny_and_huge_factors_lose_nothing_else() {
    for scale in [1e-44, 1e-38, 1e37] {
        for transposed in LAYOUTS {
            check([9, 20, 21], transposed, scale, certain);
        }
    }
}
