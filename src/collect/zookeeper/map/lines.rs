//! Figures with a name and a field each.

use serde_json::Value;

use crate::collect::zookeeper::said::Part;
use crate::document::Document;

/// How a figure becomes a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whole,
    /// The first of several: a member may have more than one address (`multiAddress.enabled`), and then ports as `3888|3889`.
    First,
    Real,
    Text,
    Version,
}

/// The name of a figure, its field, its kind.
pub(super) type Line = (&'static str, &'static str, Kind);

/// What could not be made of a part.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Leftover {
    /// Figures that are none of these lines.
    pub(super) unknown: usize,
    /// Figures of another kind than their line says: name and value.
    pub(super) unfit: Vec<(String, String)>,
}

/// Puts the figures of a part into a document. `known`: what is left out on purpose; a name that ends in a dot stands for
/// all that begin with it.
pub(super) fn put(
    part: &Part<'_>,
    lines: &[Line],
    known: &[&str],
    document: &mut Document,
) -> Leftover {
    let mut leftover = Leftover {
        unknown: part.strange,
        ..Leftover::default()
    };
    for (name, text) in &part.figures {
        let Some((_, field, kind)) = lines.iter().find(|(known, ..)| known == name) else {
            leftover.unknown += usize::from(!is_known(known, name));
            continue;
        };
        match value(*kind, text) {
            Ok(Some(value)) => document.set(*field, value),
            Ok(None) => {}
            Err(Unfit) => leftover.unfit.push((name.to_string(), text.to_string())),
        }
    }
    leftover
}

fn is_known(known: &[&str], name: &str) -> bool {
    known.iter().any(|known| match known.strip_suffix('.') {
        Some(head) => name
            .strip_prefix(head)
            .is_some_and(|rest| rest.starts_with('.')),
        None => *known == name,
    })
}

/// A figure of another kind.
#[derive(Debug, PartialEq)]
pub(super) struct Unfit;

/// The value of a figure; `None` where the server does not know it (yet).
pub(super) fn value(kind: Kind, text: &str) -> Result<Option<Value>, Unfit> {
    let value = match kind {
        Kind::Whole => Value::from(whole(text)?),
        Kind::First => Value::from(whole(text.split('|').next().unwrap_or(text))?),
        Kind::Real => Value::from(text.parse::<f64>().map_err(|_| Unfit)?),
        Kind::Text => text.into(),
        Kind::Version => version(text).into(),
    };
    // -1 is "not known yet" (sizes of a leader that has proposed nothing), null was a number without samples: NaN.
    let is_number = value.as_f64();
    Ok(Some(value).filter(|value| !value.is_null() && is_number != Some(-1.0)))
}

/// From 3.6 some whole numbers are written as `3.0`, with the provider for Prometheus all of them, large ones as `1.2E7`. A
/// fraction is never cut off.
fn whole(text: &str) -> Result<Option<i64>, Unfit> {
    /// Above it a double is not every whole number any more.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Some(number));
    }
    let number = text.parse::<f64>().map_err(|_| Unfit)?;
    match number {
        _ if number.is_nan() => Ok(None),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is whole and within the range"
        )]
        _ if number.fract() == 0.0 && number.abs() <= EXACT => Ok(Some(number as i64)),
        _ => Err(Unfit),
    }
}

/// `3.9.4` of `3.9.4-7246445ec281f3dbf53dc54e970c914f39713903, built on 2025-08-19 19:53 UTC`.
pub(super) fn version(text: &str) -> &str {
    text.split(['-', ',']).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_written_as_a_float_and_a_fraction_is_never_cut() {
        let whole = |text| value(Kind::Whole, text);
        assert_eq!(whole("3"), Ok(Some(3.into())));
        assert_eq!(whole("3.0"), Ok(Some(3.into())));
        assert_eq!(whole("1.2345678E7"), Ok(Some(12_345_678.into())));
        for unknown in ["-1", "-1.0", "NaN"] {
            assert_eq!(whole(unknown), Ok(None), "{unknown}");
        }
        for unfit in ["1.5", "", "x", "1e300", "inf"] {
            assert_eq!(whole(unfit), Err(Unfit), "{unfit}");
        }
        assert_eq!(value(Kind::First, "3888|3889"), Ok(Some(3888.into())));
        assert_eq!(value(Kind::Real, "0.2143"), Ok(Some(0.2143.into())));
        assert_eq!(value(Kind::Real, "NaN"), Ok(None));
    }
}
