use serde::Deserialize;

use crate::error::{Error, Result};
use crate::kernels::strided::GRAIN;
use crate::kernels::{parallel, vectorize};
use crate::optim::{NOTHING, UpdateRule, expect_nonnegative, or_nothing};
use crate::real::Real;

/// Adam (Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015), with the weight decay of AdamW (Loshchilov
/// and Hutter, "Decoupled Weight Decay Regularization", 2019) where `decoupled`: `torch.optim.Adam` and `AdamW`. With λ
/// the weight decay and t the number of the step, from 1 on:
///
/// g ← ±∇f(p) + λ·p (minus to maximize), or p ← (1 − lr·λ)·p where decoupled;
/// m ← β₁·m + (1−β₁)·g; v ← β₂·v + (1−β₂)·g²; w ← max(w, v) and then w in place of v with AMSGrad (Reddi, Kale and
/// Kumar 2018); p ← p − lr/(1−β₁ᵗ) · m / (√v / √(1−β₂ᵗ) + ε).
///
/// What depends on t alone is computed in double precision. Computed without branches: a parameter that is already
/// infinite becomes NaN even with λ = 0. m and v count as 0 below [`NOTHING`], unless ε is so small that √v mattered.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Adam {
    /// The learning rate.
    pub lr: f64,
    /// β₁ and β₂: how much of the averages of the gradient and of its square goes on.
    pub betas: [f64; 2],
    /// ε.
    pub eps: f64,
    /// λ.
    pub weight_decay: f64,
    /// Whether to divide by the largest average of squares so far.
    pub amsgrad: bool,
    /// Whether to climb.
    pub maximize: bool,
    /// Whether the parameter decays by itself, and not through its gradient: AdamW.
    #[serde(skip)]
    pub decoupled: bool,
}

/// With a smaller ε, √v would count beside it although v is [`NOTHING`].
const LEAST_EPS: f64 = 1e-10;

/// The numbers of one step, in the precision of the parameters.
#[derive(Clone, Copy)]
struct Step<T> {
    sign: T,
    /// λ, where it goes through the gradient.
    weight_decay: T,
    /// What the parameter is multiplied by first.
    kept: T,
    betas: [T; 2],
    fresh: [T; 2],
    /// 1 / √(1−β₂ᵗ)
    unbias: T,
    eps: T,
    /// m and v count as 0 below it.
    least: T,
    /// lr / (1−β₁ᵗ)
    size: T,
}

impl<T: Real> Step<T> {
    #[inline(always)]
    fn averages(&self, g: T, p: T, m: T, v: T) -> (T, T) {
        let g = self.sign * g + self.weight_decay * p;
        let m = or_nothing(self.betas[0] * m + self.fresh[0] * g, self.least);
        (m, or_nothing(self.betas[1] * v + self.fresh[1] * (g * g), self.least))
    }

    #[inline(always)]
    fn moved(&self, p: T, m: T, v: T) -> T {
        self.kept * p - self.size * m / (v.sqrt() * self.unbias + self.eps)
    }
}

impl Adam {
    /// Adam with PyTorch's presets.
    pub fn new(lr: f64) -> Self {
        let (betas, eps) = ([0.9, 0.999], 1e-8);
        Self { lr, betas, eps, weight_decay: 0.0, amsgrad: false, maximize: false, decoupled: false }
    }

    fn step<T: Real>(&self, steps: u64) -> Step<T> {
        let [unbiased1, unbiased2] = self.betas.map(|beta| 1.0 - beta.powf(steps as f64 + 1.0));
        let (coupled, kept) = match self.decoupled {
            true => (0.0, 1.0 - self.lr * self.weight_decay),
            false => (self.weight_decay, 1.0),
        };
        Step {
            sign: if self.maximize { -T::ONE } else { T::ONE },
            weight_decay: T::from_f64(coupled),
            kept: T::from_f64(kept),
            betas: self.betas.map(T::from_f64),
            fresh: self.betas.map(|beta| T::from_f64(1.0 - beta)),
            unbias: T::from_f64(1.0 / unbiased2.sqrt()),
            eps: T::from_f64(self.eps),
            least: T::from_f64(if self.eps < LEAST_EPS { 0.0 } else { NOTHING }),
            size: T::from_f64(self.lr / unbiased1),
        }
    }
}

impl<T: Real> UpdateRule<T> for Adam {
    fn buffers(&self) -> usize {
        2 + usize::from(self.amsgrad)
    }

    fn check(&self) -> Result<()> {
        let name = if self.decoupled { "AdamW" } else { "Adam" };
        expect_nonnegative(name, "learning rate", self.lr)?;
        expect_nonnegative(name, "eps", self.eps)?;
        expect_nonnegative(name, "weight decay", self.weight_decay)?;
        for (i, beta) in self.betas.iter().enumerate() {
            if !(0.0..1.0).contains(beta) {
                return Err(Error::argument(format!(
                    "{name}: invalid beta at index {i}: {beta}, expected a number from 0 to 1, but not 1"
                )));
            }
        }
        Ok(())
    }

    fn update(&self, steps: u64, parameter: &mut [T], grad: &[T], buffers: &mut [&mut [T]]) {
        assert!(parameter.len() == grad.len(), "a gradient is not as long as its parameter");
        if steps == 0 {
            for buffer in &mut *buffers {
                buffer.fill(T::ZERO);
            }
        }
        let step = self.step(steps);
        match buffers {
            [m, v] => parallel::lockstep_mut([parameter, m, v], GRAIN, |first, [p, m, v]| {
                let grad = &grad[first..];
                vectorize(
                    #[inline(always)]
                    || {
                        let own = step; // a copy: it stays in registers, where no write to `p` can reach it
                        for (((p, m), v), &g) in p.iter_mut().zip(m).zip(v).zip(grad) {
                            (*m, *v) = own.averages(g, *p, *m, *v);
                            *p = own.moved(*p, *m, *v);
                        }
                    },
                );
            }),
            [m, v, peak] => {
                parallel::lockstep_mut([parameter, m, v, peak], GRAIN, |first, [p, m, v, peak]| {
                    let grad = &grad[first..];
                    vectorize(
                        #[inline(always)]
                        || {
                            let own = step;
                            for ((((p, m), v), peak), &g) in p.iter_mut().zip(m).zip(v).zip(peak).zip(grad) {
                                (*m, *v) = own.averages(g, *p, *m, *v);
                                *peak = peak.maximum(*v);
                                *p = own.moved(*p, *m, *peak);
                            }
                        },
                    );
                })
            }
            _ => panic!("Adam keeps two buffers, or three"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PyTorch's single-tensor loop, in its words and order.
    fn reference(rule: &Adam, steps: u64, p: &mut f64, grad: f64, [m, v, peak]: &mut [f64; 3]) {
        let step = (steps + 1) as i32;
        let mut g = if rule.maximize { -grad } else { grad };
        if rule.decoupled {
            *p *= 1.0 - rule.lr * rule.weight_decay;
        } else {
            g += *p * rule.weight_decay;
        }
        let [beta1, beta2] = rule.betas;
        *m += (1.0 - beta1) * (g - *m);
        *v = *v * beta2 + (1.0 - beta2) * g * g;
        let bias_correction1 = 1.0 - beta1.powi(step);
        let bias_correction2 = 1.0 - beta2.powi(step);
        *peak = peak.max(*v);
        let squares = if rule.amsgrad { *peak } else { *v };
        let denom = squares.sqrt() / bias_correction2.sqrt() + rule.eps;
        *p += -(rule.lr / bias_correction1) * *m / denom;
    }

    fn rules() -> Vec<Adam> {
        let plain = Adam::new(0.1);
        vec![
            plain.clone(),
            Adam { weight_decay: 0.1, betas: [0.5, 0.9], ..plain.clone() },
            Adam { weight_decay: 0.1, decoupled: true, ..plain.clone() },
            Adam { amsgrad: true, betas: [0.0, 0.3], eps: 0.01, ..plain.clone() },
            Adam { amsgrad: true, maximize: true, decoupled: true, weight_decay: 0.2, ..plain.clone() },
            Adam { maximize: true, lr: 0.0, ..plain },
        ]
    }

    #[test]
    fn steps_follow_the_recurrence() {
        for rule in rules() {
            UpdateRule::<f64>::check(&rule).unwrap();
            let kept = UpdateRule::<f64>::buffers(&rule);
            for n in [0, 1, 7, 100, 40_000] {
                let mut exact: Vec<f64> = (0..n).map(|i| f64::from(i).sin()).collect();
                let mut p: Vec<f32> = exact.iter().map(|&x| x as f32).collect();
                let mut double = exact.clone();
                let mut memory = vec![[0.0; 3]; exact.len()];
                let mut buffers = vec![vec![f32::NAN; exact.len()]; kept];
                let mut double_buffers = vec![vec![f64::NAN; exact.len()]; kept];
                for step in 0..5 {
                    let grad: Vec<f64> = (0..n).map(|i| (f64::from(i) * 0.7 + step as f64).cos()).collect();
                    let single: Vec<f32> = grad.iter().map(|&x| x as f32).collect();
                    for i in 0..exact.len() {
                        reference(&rule, step, &mut exact[i], grad[i], &mut memory[i]);
                    }
                    let mut own: Vec<&mut [f64]> = double_buffers.iter_mut().map(|b| &mut b[..]).collect();
                    rule.update(step, &mut double, &grad, &mut own);
                    let mut own: Vec<&mut [f32]> = buffers.iter_mut().map(|b| &mut b[..]).collect();
                    rule.update(step, &mut p, &single, &mut own);
                }
                for i in 0..exact.len() {
                    assert!((exact[i] - double[i]).abs() < 1e-12, "{rule:?} at {i}");
                    assert!(
                        (exact[i] - f64::from(p[i])).abs() < 5e-5,
                        "{rule:?} at {i}: {} {}",
                        exact[i],
                        p[i]
                    );
                    for (buffer, value) in buffers.iter().zip(memory[i]) {
                        assert!((f64::from(buffer[i]) - value).abs() < 1e-6, "{rule:?} at {i}");
                    }
                }
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let message = |rule: Adam| UpdateRule::<f32>::check(&rule).unwrap_err().message;
        let plain = Adam::new(0.1);
        assert!(message(Adam::new(-0.1)).starts_with("Adam: invalid learning rate: -0.1"));
        assert!(
            message(Adam { decoupled: true, eps: -1.0, ..plain.clone() }).starts_with("AdamW: invalid eps")
        );
        assert!(message(Adam { weight_decay: f64::NAN, ..plain.clone() }).contains("invalid weight decay"));
        for beta in [-0.1, 1.0, f64::NAN] {
            assert!(message(Adam { betas: [beta, 0.9], ..plain.clone() }).contains("beta at index 0"));
            assert!(message(Adam { betas: [0.9, beta], ..plain.clone() }).contains("beta at index 1"));
        }
    }

    #[test]
    fn options_come_as_json() {
        let text = r#"{"lr": 0.1, "betas": [0.8, 0.9], "eps": 1e-6, "weightDecay": 0.5, "amsgrad": true, "maximize": false}"#;
        let rule: Adam = serde_json::from_str(text).unwrap();
        assert_eq!((rule.betas, rule.weight_decay, rule.amsgrad), ([0.8, 0.9], 0.5, true));
        assert!(serde_json::from_str::<Adam>(&text.replace("lr", "momentum")).is_err());
    }
}
