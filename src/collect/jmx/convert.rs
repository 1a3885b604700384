//! From an attribute's value to a field's value: exactly, or not at all.

use jmx_rmi::Value;
use serde_json::Value as Json;

use super::catalogue::FieldType;
use super::preset::Kind;
use super::table::Entry;

/// A value that its field cannot take as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Misfit;

/// The field's value. `None` is "the server does not know": the field is left out, never 0.
pub(super) fn convert(entry: &Entry, value: &Value) -> Result<Option<Json>, Misfit> {
    if matches!(value, Value::Null) {
        return Ok(None);
    }
    match entry.line.kind {
        Kind::Counter | Kind::Gauge | Kind::Ratio | Kind::Sample | Kind::Id => {
            number(entry, Number::of(value)?)
        }
        Kind::Text | Kind::ClusterId | Kind::NodeId => text(value),
        Kind::Version => version(value),
        Kind::Bool => Ok(Some(value.as_bool().ok_or(Misfit)?.into())),
        Kind::State => state(entry, value),
        Kind::Date => date(value),
    }
}

/// A Java number without loss.
#[derive(Clone, Copy)]
enum Number {
    Whole(i64),
    Floating(f64),
}

impl Number {
    fn of(value: &Value) -> Result<Self, Misfit> {
        match value {
            Value::Float(_) | Value::Double(_) => value.as_f64().map(Self::Floating).ok_or(Misfit),
            Value::BigInteger(digits) => digits.parse().map(Self::Whole).map_err(|_| Misfit),
            other => other.as_i64().map(Self::Whole).ok_or(Misfit),
        }
    }

    fn is_below_zero(self) -> bool {
        match self {
            Self::Whole(number) => number < 0,
            Self::Floating(number) => number < 0.0,
        }
    }

    fn is_minus_one(self) -> bool {
        match self {
            Self::Whole(number) => number == -1,
            Self::Floating(number) => number == -1.0,
        }
    }
}

fn number(entry: &Entry, number: Number) -> Result<Option<Json>, Misfit> {
    let unknown = match (entry.line.kind, number) {
        // NaN: no sample yet. Infinite: the minimum or maximum of nothing.
        (_, Number::Floating(value)) if !value.is_finite() => true,
        (Kind::Counter | Kind::Ratio, number) => number.is_below_zero(),
        (_, number) => number.is_minus_one(),
    };
    if unknown {
        return Ok(None);
    }
    match (entry.field_type, number) {
        (FieldType::Long, Number::Whole(value)) => Ok(Some(value.into())),
        (FieldType::Long, Number::Floating(value)) => Ok(Some(whole(value)?.into())),
        (FieldType::Double, Number::Whole(value)) => Ok(Some(floating(value)?.into())),
        (FieldType::Double, Number::Floating(value)) => Ok(Some(value.into())),
        _ => Err(Misfit),
    }
}

/// The whole number that a double is. Kafka's client-style metrics are all doubles, counters too.
fn whole(value: f64) -> Result<i64, Misfit> {
    // 2^63 is the first double that is too large; −2^63 is the smallest long.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let fits = value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value);
    fits.then_some(value as i64).ok_or(Misfit)
}

/// The double that a whole number is: beyond 2^53 not every one has its own.
fn floating(value: i64) -> Result<f64, Misfit> {
    let double = value as f64;
    (whole(double)? == value).then_some(double).ok_or(Misfit)
}

fn text(value: &Value) -> Result<Option<Json>, Misfit> {
    let text = value.as_str().ok_or(Misfit)?;
    Ok((!text.is_empty()).then(|| text.into()))
}

fn version(value: &Value) -> Result<Option<Json>, Misfit> {
    let text = value.as_str().ok_or(Misfit)?;
    let version = text.split(',').next().unwrap_or_default().trim();
    Ok((!version.is_empty()).then(|| version.into()))
}

fn state(entry: &Entry, value: &Value) -> Result<Option<Json>, Misfit> {
    let number = value.as_i64().ok_or(Misfit)?.to_string();
    let name = entry.line.states.get(&number).cloned();
    Ok(Some(name.unwrap_or(number).into()))
}

fn date(value: &Value) -> Result<Option<Json>, Misfit> {
    let millis = match value {
        Value::Date(millis) => *millis,
        other => other.as_i64().ok_or(Misfit)?,
    };
    if millis <= 0 {
        return Ok(None);
    }
    let moment = jiff::Timestamp::from_millisecond(millis).map_err(|_| Misfit)?;
    Ok(Some(format!("{moment:.3}").into()))
}

/// A key property's text as its field wants it.
pub(super) fn key(field_type: FieldType, text: &str) -> Option<Json> {
    match field_type {
        FieldType::Keyword => Some(text.into()),
        FieldType::Long => text.parse::<i64>().ok().map(Json::from),
        _ => None,
    }
}
