//! Attributes that are numbers.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number in a JSON object, which has no infinities and no NaN: these come as the strings that JavaScript makes of
/// them, `"Infinity"`, `"-Infinity"` and `"NaN"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Number(pub f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberVisitor;

        impl Visitor<'_> for NumberVisitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"Infinity\", \"-Infinity\" or \"NaN\"")
            }

            fn visit_f64<E: Error>(self, x: f64) -> Result<Number, E> {
                Ok(Number(x))
            }

            fn visit_i64<E: Error>(self, x: i64) -> Result<Number, E> {
                Ok(Number(x as f64))
            }

            fn visit_u64<E: Error>(self, x: u64) -> Result<Number, E> {
                Ok(Number(x as f64))
            }

            fn visit_str<E: Error>(self, x: &str) -> Result<Number, E> {
                match x {
                    "Infinity" => Ok(Number(f64::INFINITY)),
                    "-Infinity" => Ok(Number(f64::NEG_INFINITY)),
                    "NaN" => Ok(Number(f64::NAN)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(x), &self)),
                }
            }
        }

        deserializer.deserialize_any(NumberVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_javascript_is_read() {
        let of = |text: &str| serde_json::from_str::<Number>(text).map(|x| x.0);
        assert_eq!(of("3").unwrap(), 3.0);
        assert_eq!(of("-3").unwrap(), -3.0);
        assert_eq!(of("1.5e300").unwrap(), 1.5e300);
        assert_eq!(of(r#""Infinity""#).unwrap(), f64::INFINITY);
        assert_eq!(of(r#""-Infinity""#).unwrap(), f64::NEG_INFINITY);
        assert!(of(r#""NaN""#).unwrap().is_nan());
        for wrong in [r#""inf""#, "null", "[1]", "true"] {
            assert!(of(wrong).unwrap_err().to_string().contains("a number"), "{wrong}");
        }
    }
}
