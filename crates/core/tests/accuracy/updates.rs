//! Steps of optimizers, and batches.

use ferrograd_core::data::gather::{Normalization, gather_images, gather_rows};
use ferrograd_core::optim::{Adam, Sgd, UpdateRule};

use crate::apply::{Unaligned, on_every_isa};
use crate::numbers::{TINY, U, is_close, normal};

/// Averages of gradients count as 0 below it.
const NOTHING: f64 = 1.0 / (1u128 << 110) as f64;

fn rules() -> Vec<Sgd> {
    let plain = Sgd::new(0.1);
    let momentum = Sgd { momentum: 0.9, ..plain.clone() };
    vec![
        Sgd { weight_decay: 0.01, maximize: true, ..plain.clone() },
        plain,
        Sgd { dampening: 0.3, weight_decay: 0.01, ..momentum.clone() },
        Sgd { nesterov: true, weight_decay: 0.01, ..momentum.clone() },
        momentum,
    ]
}

#[test]
fn a_step_of_sgd_is_exact_relative_to_what_it_adds() {
    on_every_isa(|isa| {
        for rule in rules() {
            for n in (0..=130).chain([40_000]) {
                for scale in [1e-40, 1.0, 1e30] {
                    step(&rule, n, scale, &format!("{rule:?} on {n} numbers of {scale:e}, {isa:?}"));
                }
            }
        }
    });
}

fn step(rule: &Sgd, n: usize, scale: f64, what: &str) {
    let [before, grad, velocity] = [1, 2, 3].map(|seed| normal(seed, n, scale));
    let [mut p, g, mut b] = [&before, &grad, &velocity].map(|x| Unaligned::new(x, n % 16));
    let mut buffers = vec![b.numbers_mut()];
    buffers.truncate(UpdateRule::<f32>::buffers(rule));
    rule.update(1, p.numbers_mut(), g.numbers(), &mut buffers);
    p.check();
    b.check();
    for i in 0..n {
        let [x, g, v] = [before[i], grad[i], velocity[i]].map(f64::from);
        let g = if rule.maximize { -g } else { g };
        let slope = g + rule.weight_decay * x;
        // Options are rounded to single precision: an error of u in each.
        let slope_size = g.abs() + rule.weight_decay * x.abs();
        let (new, new_size) = if rule.momentum == 0.0 {
            (slope, slope_size)
        } else {
            let fresh = 1.0 - rule.dampening;
            (rule.momentum * v + fresh * slope, rule.momentum * v.abs() + fresh * slope_size)
        };
        if rule.momentum != 0.0 {
            let found = b.numbers()[i];
            assert!(
                is_close(found, new, 6.0 * U * new_size + NOTHING),
                "{what}: velocity {found}, not {new}"
            );
        }
        let (direction, size) = match rule.nesterov {
            true => (slope + rule.momentum * new, slope_size + rule.momentum * new_size),
            false => (new, new_size),
        };
        let exact = x - rule.lr * direction;
        let lost = if rule.momentum == 0.0 { 0.0 } else { 2.0 * rule.lr * NOTHING };
        let allowed = U * exact.abs() + 10.0 * U * rule.lr * size + lost + 4.0 * TINY;
        let found = p.numbers()[i];
        assert!(is_close(found, exact, allowed), "{what}: {found}, not {exact}");
    }
}

#[test]
fn a_step_of_adam_is_exact_relative_to_what_it_adds() {
    let plain = Adam::new(0.1);
    let rules = [
        Adam { weight_decay: 0.01, maximize: true, ..plain.clone() },
        Adam { weight_decay: 0.01, decoupled: true, betas: [0.0, 0.5], ..plain.clone() },
        Adam { amsgrad: true, eps: 0.1, ..plain.clone() },
        plain,
    ];
    on_every_isa(|isa| {
        for rule in &rules {
            for n in (0..=130).chain([40_000]) {
                for scale in [1e-12, 1.0, 1e12] {
                    let what = format!("{rule:?} on {n} numbers of {scale:e}, {isa:?}");
                    step_of_adam(rule, n, scale, &what);
                }
            }
        }
    });
}

/// The third step, from averages that are as large as the gradient and its square.
fn step_of_adam(rule: &Adam, n: usize, scale: f64, what: &str) {
    let [before, grad, average] = [1, 2, 3].map(|seed| normal(seed, n, scale));
    let [squares, largest] =
        [4, 5].map(|seed| normal(seed, n, scale).iter().map(|x| x * x).collect::<Vec<_>>());
    let [mut p, g, mut m, mut v, mut w] =
        [&before, &grad, &average, &squares, &largest].map(|x| Unaligned::new(x, n % 16));
    let mut buffers = vec![m.numbers_mut(), v.numbers_mut(), w.numbers_mut()];
    buffers.truncate(UpdateRule::<f32>::buffers(rule));
    rule.update(2, p.numbers_mut(), g.numbers(), &mut buffers);
    for array in [&p, &m, &v, &w] {
        array.check();
    }
    let [beta1, beta2] = rule.betas;
    for i in 0..n {
        let [x, g, m_before, v_before, w_before] =
            [before[i], grad[i], average[i], squares[i], largest[i]].map(f64::from);
        let coupled = if rule.decoupled { 0.0 } else { rule.weight_decay };
        let g = if rule.maximize { -g } else { g };
        let (slope, slope_size) = (g + coupled * x, g.abs() + coupled * x.abs());
        let new = beta1 * m_before + (1.0 - beta1) * slope;
        let new_size = beta1 * m_before.abs() + (1.0 - beta1) * slope_size;
        let found = m.numbers()[i];
        assert!(is_close(found, new, 8.0 * U * new_size), "{what}: average {found}, not {new}");
        let square = beta2 * v_before + (1.0 - beta2) * slope * slope;
        // The square doubles the error of the slope, which may be the difference of larger numbers.
        let allowed = 4.0 * U * square + 8.0 * U * (1.0 - beta2) * slope.abs() * slope_size;
        let found = v.numbers()[i];
        assert!(is_close(found, square, allowed), "{what}: square {found}, not {square}");
        let used = f64::from(if rule.amsgrad { w.numbers()[i] } else { found });
        if rule.amsgrad {
            assert_eq!(used, f64::from(found).max(w_before), "{what}");
        }
        let unbiased = [beta1, beta2].map(|beta| 1.0 - beta.powi(3));
        let denominator = (used / unbiased[1]).sqrt() + rule.eps;
        let kept = if rule.decoupled { 1.0 - rule.lr * rule.weight_decay } else { 1.0 };
        let exact = kept * x - rule.lr / unbiased[0] * new / denominator;
        let added = rule.lr / unbiased[0] * new_size / denominator;
        let allowed = U * exact.abs() + 3.0 * U * x.abs() + 16.0 * U * added;
        let found = p.numbers()[i];
        assert!(is_close(found, exact, allowed), "{what}: {found}, not {exact}");
    }
}

#[test]
fn pixels_become_what_the_formula_gives_rounded_at_each_step() {
    let pixels: Vec<u8> = (0..131 * 5).map(|i| (i * 89 % 256) as u8).collect();
    on_every_isa(|isa| {
        for (mean, std, divide) in [(0.0f32, 1.0f32, 255.0f32), (0.1307, 0.3081, 255.0), (-3.0, 1e-3, 7.0)] {
            let normalization = Normalization::new(divide, &[mean], &[std]).unwrap();
            for n in 1..=130 {
                let mut out = Unaligned::new(&vec![f32::NAN; 3 * n], n % 16);
                let rows = &pixels[n % 5..][..5 * n];
                gather_images(rows, n, &[4, 0, 2], &[1, 3], &normalization, out.numbers_mut()).unwrap();
                out.check();
                for (k, &found) in out.numbers().iter().enumerate() {
                    let pixel = f32::from(rows[[4, 0, 2][k / n] * n + k % n]);
                    assert_eq!(found, (pixel / divide - mean) / std, "{pixel} in rows of {n}, {isa:?}");
                }
            }
        }
    });
}

#[test]
fn rows_are_copied_bit_for_bit() {
    let all = crate::numbers::numbers(1, 400);
    on_every_isa(|isa| {
        for n in 0..=130 {
            let rows = Unaligned::new(&all[..5 * n], n % 16);
            let mut out = Unaligned::new(&vec![0.0; 3 * n], n % 7);
            gather_rows(rows.numbers(), n, if n == 0 { &[] } else { &[4, 0, 2] }, &[], out.numbers_mut())
                .unwrap();
            out.check();
            for (k, x) in out.numbers().iter().enumerate() {
                let expected = rows.numbers()[[4, 0, 2][k / n] * n + k % n];
                assert_eq!(x.to_bits(), expected.to_bits(), "{k} in rows of {n}, {isa:?}");
            }
        }
    });
}
