use serde::Deserialize;

use crate::ops::number::Number;
use crate::ops::{Named, Reads, UnaryFunction};
use crate::real::Real;

/// min(max(x, `min`), `max`); NaN stays NaN, a limit that is NaN makes everything NaN. Integers stay integers if the
/// limits are. The gradient passes within the limits and stops at them, as in PyTorch since 2.15.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "Limits")]
pub struct Clamp {
    min: f64,
    max: f64,
    /// Whether `min` was given: an absent limit stops no gradient, not even that of −∞.
    limited_below: bool,
    limited_above: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Limits {
    min: Option<Number>,
    max: Option<Number>,
}

impl TryFrom<Limits> for Clamp {
    type Error = &'static str;

    fn try_from(limits: Limits) -> Result<Self, Self::Error> {
        if limits.min.is_none() && limits.max.is_none() {
            return Err("expected min, max or both, got neither");
        }
        Ok(Self {
            limited_below: limits.min.is_some(),
            limited_above: limits.max.is_some(),
            min: limits.min.map_or(f64::NEG_INFINITY, |x| x.0),
            max: limits.max.map_or(f64::INFINITY, |x| x.0),
        })
    }
}

impl Named for Clamp {
    const NAME: &'static str = "clamp";

    #[cfg(test)]
    fn samples() -> Vec<super::samples::Sample> {
        use super::samples::unary_with;
        [
            unary_with(r#"{"min": -0.5, "max": 0.5}"#, -0.45..0.45),
            unary_with(r#"{"min": -0.5, "max": 0.5}"#, -2.0..-0.6),
            unary_with(r#"{"min": -0.5}"#, 0.6..2.0),
            unary_with(r#"{"max": 0.5, "min": "-Infinity"}"#, 0.6..2.0),
        ]
        .concat()
    }
}

impl<T: Real> UnaryFunction<T> for Clamp {
    const READS: Reads = Reads::INPUTS;

    #[inline(always)]
    fn f(&self, x: T) -> T {
        // The limits on the left: where they or x are NaN, so is the result.
        let (min, max) = (T::from_f64(self.min), T::from_f64(self.max));
        max.minimum(min.maximum(x))
    }

    #[inline(always)]
    fn gradient(&self, g: T, x: T, _: T) -> T {
        let above = !self.limited_below | (x > T::from_f64(self.min));
        let below = !self.limited_above | (x < T::from_f64(self.max));
        let inside = above & below;
        if inside { g } else { T::ZERO }
    }

    fn on_int(&self) -> Option<fn(&Self, i32) -> i32> {
        let whole = |limit: f64| limit.is_infinite() || limit == limit.trunc();
        // Conversions saturate: an infinite limit is none.
        (whole(self.min) && whole(self.max))
            .then_some(|limits, x| x.max(limits.min as i32).min(limits.max as i32))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::parse;
    use crate::ops::samples::Sample;
    use crate::ops::tests::{gradients_f32, values_f32};

    const NAN: f64 = f64::NAN;

    #[test]
    fn the_gradient_stops_at_the_limits_and_nan_is_kept() {
        let limits = r#"{"min": -1, "max": 1}"#;
        let x = Sample::new(limits).values(&[6], &[-2.0, -1.0, 0.5, 1.0, 2.0, NAN]);
        let y = values_f32("clamp", &x);
        assert_eq!(y[..5], [-1.0, -1.0, 0.5, 1.0, 1.0]);
        assert!(y[5].is_nan());
        // Stopped is stopped, even where the gradient is infinite.
        let inf = f32::INFINITY;
        assert_eq!(gradients_f32("clamp", &x, inf)[0], [0.0, 0.0, inf, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn limits_may_cross_or_be_nan() {
        let of = |limits: &str| values_f32("clamp", &Sample::new(limits).values(&[2], &[-5.0, 5.0]));
        assert_eq!(of(r#"{"min": 2, "max": 1}"#), [1.0, 1.0]);
        assert!(of(r#"{"min": "NaN"}"#).iter().all(|y| y.is_nan()));
    }

    #[test]
    fn integers_stay_integers_within_whole_limits() {
        let x = |limits: &str| Sample::new(limits).int(&[3], &[i32::MIN, 16_777_217, i32::MAX]);
        let most = f64::from(i32::MAX);
        assert_eq!(values_f32("clamp", &x(r#"{"min": 0}"#)), [0.0, 16_777_217.0, most]);
        assert_eq!(values_f32("clamp", &x(r#"{"min": 0.5, "max": 9}"#)), [0.5, 9.0, 9.0]);
    }

    #[test]
    fn without_limits_there_is_nothing_to_do() {
        let message = parse::<f32>("clamp", "{}").unwrap_err().message;
        assert_eq!(message, "clamp: expected min, max or both, got neither");
    }
}
