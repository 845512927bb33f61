//! Functions of one or two numbers.

use crate::apply::{Operands, apply, on_every_isa, row_major};
use crate::numbers::{TINY, U, is_close, numbers, ulps};

const RANDOM: usize = 30_000;

fn unary(name: &str, attributes: &str, x: &[f32], offset: usize) -> Vec<f32> {
    apply(name, attributes, &Operands { floats: &[(x, row_major(&[x.len()]))], labels: None }, offset, None).0
}

fn binary(name: &str, a: &[f32], b: &[f32], offset: usize) -> Vec<f32> {
    let shape = row_major(&[a.len()]);
    apply(name, "{}", &Operands { floats: &[(a, shape.clone()), (b, shape)], labels: None }, offset, None).0
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-x))
}

/// Φ, from the complement where it is small.
fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// The approximation of Φ by a hyperbolic tangent.
fn distribution_by_tanh(x: f64) -> f64 {
    sigmoid(2.0 * 0.797_884_560_802_865_4 * (x + 0.044_715 * x * x * x))
}

type Exact = fn(f64) -> f64;
type ExactOfTwo = fn(f64, f64) -> f64;

/// Name, exact value, error in units of the last place.
const IN_ULPS: [(&str, Exact, f64); 12] = [
    ("neg", |x| -x, 0.5),
    ("abs", f64::abs, 0.5),
    ("relu", |x| if x <= 0.0 { 0.0 } else { x }, 0.5),
    ("square", |x| x * x, 0.5),
    ("sqrt", f64::sqrt, 0.5),
    ("reciprocal", |x| 1.0 / x, 0.5),
    ("exp", libm::exp, 1.0),
    ("log", libm::log, 1.0),
    ("sin", libm::sin, 1.0),
    ("cos", libm::cos, 1.0),
    ("tanh", libm::tanh, 2.0),
    ("sigmoid", sigmoid, 2.5),
];

#[test]
fn functions_are_as_exact_as_documented() {
    let x = numbers(1, RANDOM);
    on_every_isa(|isa| {
        for (name, exact, bound) in IN_ULPS {
            let found = unary(name, "{}", &x, 0);
            let worst = x
                .iter()
                .zip(found)
                .map(|(&x, y)| (ulps(y, exact(f64::from(x))), x, y))
                .fold((0.0, 0.0, 0.0), |worst, error| if error.0 > worst.0 { error } else { worst });
            let (error, x, y) = worst;
            assert!(error <= bound, "{name}({x:e}) is {y:e}, {error} ulp off, with {isa:?}");
        }
    });
}

#[test]
fn activations_are_exact_relative_to_their_argument() {
    let x = numbers(2, RANDOM);
    let forms: [(&str, &str, Exact, f64); 3] = [
        ("silu", "{}", |x| x * sigmoid(x), 2.5),
        ("gelu", "{}", |x| x * normal_distribution(x), 4.0),
        ("gelu", r#"{"approximate": "tanh"}"#, |x| x * distribution_by_tanh(x), 3.5),
    ];
    on_every_isa(|isa| {
        for (name, attributes, exact, bound) in forms {
            for (&x, y) in x.iter().zip(unary(name, attributes, &x, 0)) {
                let x = f64::from(x);
                let allowed = bound * U * x.abs() + TINY;
                let exact = exact(x);
                assert!(
                    is_close(y, exact, allowed),
                    "{name} {attributes} of {x:e} is {y:e}, {exact:e}, {isa:?}"
                );
            }
        }
    });
}

#[test]
fn arithmetic_is_correctly_rounded() {
    let mut a = numbers(3, RANDOM);
    let mut b = numbers(4, RANDOM);
    b.rotate_left(17);
    let nasty = crate::numbers::nasty();
    a.extend(nasty.iter().flat_map(|&x| nasty.iter().map(move |_| x)));
    b.extend(nasty.iter().flat_map(|_| nasty.iter().copied()));
    let operations: [(&str, ExactOfTwo, f64); 5] = [
        ("add", |a, b| a + b, 0.5),
        ("sub", |a, b| a - b, 0.5),
        ("mul", |a, b| a * b, 0.5),
        ("div", |a, b| a / b, 0.5),
        ("pow", libm::pow, 0.51),
    ];
    on_every_isa(|isa| {
        for (name, exact, bound) in operations {
            for (i, y) in binary(name, &a, &b, 0).into_iter().enumerate() {
                let (a, b) = (f64::from(a[i]), f64::from(b[i]));
                let error = ulps(y, exact(a, b));
                assert!(error <= bound, "{name}({a:e}, {b:e}) is {y:e}, {error} ulp off, with {isa:?}");
            }
        }
    });
}

#[test]
fn lengths_and_starts_change_nothing() {
    let (a, b) = (numbers(5, 200), numbers(6, 200));
    let bits =
        |x: Vec<f32>| -> Vec<u32> { x.iter().map(|x| if x.is_nan() { 1 } else { x.to_bits() }).collect() };
    on_every_isa(|isa| {
        let names = IN_ULPS.map(|(name, ..)| name);
        for name in names.iter().chain(&["silu", "gelu", "add", "div", "pow"]) {
            let of = |n: usize, offset: usize| {
                bits(match *name {
                    "add" | "div" | "pow" => binary(name, &a[..n], &b[..n], offset),
                    _ => unary(name, "{}", &a[..n], offset),
                })
            };
            let all = of(131, 0);
            for n in 0..=130 {
                assert_eq!(of(n, n % 16), all[..n], "{name} of {n} numbers with {isa:?}");
            }
        }
    });
}
