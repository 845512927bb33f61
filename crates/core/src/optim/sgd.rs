use serde::Deserialize;

use crate::error::{Error, Result};
use crate::optim::{Descent, NOTHING, UpdateRule, expect_nonnegative, or_nothing, update_each, update_pairs};
use crate::real::Real;

/// Stochastic gradient descent, with momentum, weight decay and Nesterov's lookahead where asked for: exactly
/// `torch.optim.SGD`. With λ the weight decay, μ the momentum and τ the dampening:
///
/// g ← ±∇f(p) + λ·p (minus to maximize); b ← g in the first step, then μ·b + (1−τ)·g;
/// p ← p − lr·(g + μ·b) with Nesterov, else p − lr·b; without momentum p − lr·g. Computed without branches: a parameter
/// that is already infinite becomes NaN even with λ = 0.
///
/// The error of a step is at most u·|p| and 10·u of the sum of what is added, u = 2⁻²⁴; see docs/accuracy.md.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sgd {
    /// The learning rate.
    pub lr: f64,
    /// μ; 0 keeps no buffer.
    #[serde(default)]
    pub momentum: f64,
    /// τ.
    #[serde(default)]
    pub dampening: f64,
    /// λ.
    #[serde(default)]
    pub weight_decay: f64,
    /// Whether the gradient is taken where the momentum leads (Sutskever et al. 2013).
    #[serde(default)]
    pub nesterov: bool,
    /// Whether to climb.
    #[serde(default)]
    pub maximize: bool,
}

impl Sgd {
    /// Plain gradient descent.
    pub fn new(lr: f64) -> Self {
        Self { lr, momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false, maximize: false }
    }
}

impl<T: Real> UpdateRule<T> for Sgd {
    fn buffers(&self) -> usize {
        usize::from(self.momentum != 0.0)
    }

    fn check(&self) -> Result<()> {
        expect_nonnegative("SGD", "learning rate", self.lr)?;
        expect_nonnegative("SGD", "momentum", self.momentum)?;
        expect_nonnegative("SGD", "weight decay", self.weight_decay)?;
        if !self.dampening.is_finite() {
            return Err(Error::argument(format!(
                "SGD: invalid dampening: {}, expected a finite number",
                self.dampening
            )));
        }
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            return Err(Error::argument(format!(
                "SGD: Nesterov momentum requires a momentum and zero dampening, got momentum {} and dampening {}",
                self.momentum, self.dampening
            )));
        }
        Ok(())
    }

    fn descent(&self) -> Option<Descent> {
        let rate = if self.maximize { -self.lr } else { self.lr };
        (self.momentum == 0.0).then_some(Descent { rate, keep: 1.0 - self.lr * self.weight_decay })
    }

    fn update(&self, steps: u64, parameter: &mut [T], grad: &[T], buffers: &mut [&mut [T]]) {
        let [lr, momentum, weight_decay] = [self.lr, self.momentum, self.weight_decay].map(T::from_f64);
        let sign = if self.maximize { -T::ONE } else { T::ONE };
        if self.momentum == 0.0 {
            update_each(
                grad,
                parameter,
                #[inline(always)]
                move |g, p| p - lr * (sign * g + weight_decay * p),
            );
            return;
        }
        let buffer = &mut *buffers[0];
        let least = T::from_f64(NOTHING);
        let mut fresh = T::from_f64(1.0 - self.dampening);
        if steps == 0 {
            buffer.fill(T::ZERO);
            fresh = T::ONE;
        }
        if self.nesterov {
            update_pairs(
                grad,
                parameter,
                buffer,
                #[inline(always)]
                move |g, p, b| {
                    let g = sign * g + weight_decay * p;
                    let b = or_nothing(momentum * b + fresh * g, least);
                    (p - lr * (g + momentum * b), b)
                },
            );
        } else {
            update_pairs(
                grad,
                parameter,
                buffer,
                #[inline(always)]
                move |g, p, b| {
                    let b = or_nothing(momentum * b + fresh * (sign * g + weight_decay * p), least);
                    (p - lr * b, b)
                },
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch's single-tensor loop, in its words and order.
    fn reference(rule: &Sgd, steps: u64, p: &mut [f64], grad: &[f64], buffer: &mut [f64]) {
        for i in 0..p.len() {
            let mut g = if rule.maximize { -grad[i] } else { grad[i] };
            if rule.weight_decay != 0.0 {
                g += rule.weight_decay * p[i];
            }
            if rule.momentum != 0.0 {
                if steps == 0 {
                    buffer[i] = g;
                } else {
                    buffer[i] *= rule.momentum;
                    buffer[i] += (1.0 - rule.dampening) * g;
                }
                if rule.nesterov {
                    g += rule.momentum * buffer[i];
                } else {
                    g = buffer[i];
                }
            }
            p[i] += -rule.lr * g;
        }
    }

    fn rules() -> Vec<Sgd> {
        let plain = Sgd::new(0.1);
        vec![
            plain.clone(),
            Sgd { weight_decay: 0.01, ..plain.clone() },
            Sgd { momentum: 0.9, ..plain.clone() },
            Sgd { momentum: 0.9, dampening: 0.5, weight_decay: 0.02, ..plain.clone() },
            Sgd { momentum: 0.8, nesterov: true, weight_decay: 0.02, ..plain.clone() },
            Sgd { momentum: 0.8, nesterov: true, maximize: true, ..plain.clone() },
            Sgd { maximize: true, lr: 0.0, ..plain },
        ]
    }

    #[test]
    fn steps_follow_the_recurrence() {
        for rule in rules() {
            UpdateRule::<f64>::check(&rule).unwrap();
            for n in [0, 1, 7, 100, 40_000] {
                let mut exact: Vec<f64> = (0..n).map(|i| f64::from(i).sin()).collect();
                let mut p: Vec<f32> = exact.iter().map(|&x| x as f32).collect();
                let mut double = exact.clone();
                let mut exact_buffer = vec![f64::NAN; exact.len()];
                let mut buffer = vec![f32::NAN; exact.len()];
                let mut double_buffer = exact_buffer.clone();
                for step in 0..5 {
                    let grad: Vec<f64> = (0..n).map(|i| (f64::from(i) * 0.7 + step as f64).cos()).collect();
                    let single: Vec<f32> = grad.iter().map(|&x| x as f32).collect();
                    reference(&rule, step, &mut exact, &grad, &mut exact_buffer);
                    rule.update(step, &mut double, &grad, &mut [&mut double_buffer]);
                    rule.update(step, &mut p, &single, &mut [&mut buffer]);
                }
                for i in 0..exact.len() {
                    assert!((exact[i] - double[i]).abs() < 1e-14, "{rule:?} at {i}");
                    assert!((exact[i] - f64::from(p[i])).abs() < 2e-6, "{rule:?} at {i}");
                }
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let message = |rule: Sgd| UpdateRule::<f32>::check(&rule).unwrap_err().message;
        let plain = Sgd::new(0.1);
        for lr in [-0.1, f64::NAN, f64::INFINITY] {
            assert!(message(Sgd::new(lr)).contains("SGD: invalid learning rate"));
        }
        assert!(message(Sgd { momentum: -1.0, ..plain.clone() }).contains("invalid momentum: -1"));
        assert!(message(Sgd { weight_decay: -1.0, ..plain.clone() }).contains("invalid weight decay: -1"));
        assert!(message(Sgd { dampening: f64::NAN, ..plain.clone() }).contains("invalid dampening"));
        let nesterov = Sgd { nesterov: true, ..plain };
        assert!(message(nesterov.clone()).contains("requires a momentum and zero dampening"));
        assert!(message(Sgd { momentum: 0.9, dampening: 0.1, ..nesterov }).contains("zero dampening"));
    }

    #[test]
    fn options_come_as_json() {
        let rule: Sgd = serde_json::from_str(r#"{"lr": 0.1, "weightDecay": 0.5, "nesterov": true}"#).unwrap();
        assert_eq!((rule.weight_decay, rule.nesterov, rule.momentum), (0.5, true, 0.0));
        assert!(serde_json::from_str::<Sgd>(r#"{"lr": 0.1, "betas": 1}"#).is_err());
    }
}
