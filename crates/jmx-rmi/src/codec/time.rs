//! `java.time`: its classes travel as the externalizable `java.time.Ser`, a byte for the class and then its parts.
//!
//! By protocol 1 of the object stream, which RMI uses, that data has no visible end: reading it is how the end is found.
//! The decoder reads to find it, the mapper to have the value.

use std::sync::Arc;

use super::decoder::{Input, Stop};
use crate::value::{Object, Value};

/// A part of a value of `java.time`.
#[derive(Clone, Copy)]
enum Part {
    Byte,
    Int,
    Long,
    Utf,
    /// Hour, minute, second, nanosecond; zeros at the end are left out, and the last one written is inverted.
    Clock,
    /// Seconds: a byte of quarter hours, or 127 and an int.
    Seconds,
    /// A value of the class with this number.
    Of(u8),
    /// A value of any class, behind its number: a zone is a region or an offset.
    Any,
}

/// Classes by their number in `java.time.Ser`, from 1 on, with their parts (`writeExternal` of each).
const CLASSES: [(&str, &[(&str, Part)]); 14] = {
    use Part::*;
    [
        ("Duration", &[("seconds", Long), ("nanos", Int)]),
        ("Instant", &[("seconds", Long), ("nanos", Int)]),
        (
            "LocalDate",
            &[("year", Int), ("month", Byte), ("day", Byte)],
        ),
        ("LocalTime", &[("", Clock)]),
        ("LocalDateTime", &[("date", Of(3)), ("time", Of(4))]),
        (
            "ZonedDateTime",
            &[("dateTime", Of(5)), ("offset", Of(8)), ("zone", Any)],
        ),
        ("ZoneRegion", &[("id", Utf)]),
        ("ZoneOffset", &[("totalSeconds", Seconds)]),
        ("OffsetTime", &[("time", Of(4)), ("offset", Of(8))]),
        ("OffsetDateTime", &[("dateTime", Of(5)), ("offset", Of(8))]),
        ("Year", &[("year", Int)]),
        ("YearMonth", &[("year", Int), ("month", Byte)]),
        ("MonthDay", &[("month", Byte), ("day", Byte)]),
        ("Period", &[("years", Int), ("months", Int), ("days", Int)]),
    ]
};

/// Classes in one another: a zoned date and time holds a date and time, which holds a date.
const DEPTH: usize = 4;

/// Reads a value: the number of its class and its parts. `None`: no class of `java.time` has that number.
pub(super) fn read(input: &mut Input<'_>) -> Result<Option<Value>, Stop> {
    let number = input.u8()?;
    class(number, input, DEPTH)
}

fn class(number: u8, input: &mut Input<'_>, depth: usize) -> Result<Option<Value>, Stop> {
    let known = usize::from(number)
        .checked_sub(1)
        .and_then(|index| CLASSES.get(index));
    let (Some((name, parts)), Some(depth)) = (known, depth.checked_sub(1)) else {
        return Ok(None);
    };
    let mut fields: Vec<(Arc<str>, Value)> = Vec::with_capacity(parts.len());
    for (field, part) in *parts {
        let value = match part {
            Part::Byte => Value::Byte(input.u8()? as i8),
            Part::Int => Value::Int(input.i32()?),
            Part::Long => Value::Long(input.i64()?),
            Part::Utf => Value::String(super::mutf8::decode(input.utf()?)?),
            Part::Seconds => Value::Int(seconds(input)?),
            Part::Clock => {
                clock(input, &mut fields)?;
                continue;
            }
            Part::Of(number) => match class(*number, input, depth)? {
                Some(value) => value,
                None => return Ok(None),
            },
            Part::Any => {
                let number = input.u8()?;
                match class(number, input, depth)? {
                    Some(value) => value,
                    None => return Ok(None),
                }
            }
        };
        fields.push(((*field).into(), value));
    }
    Ok(Some(Value::Other(Object {
        class: format!("java.time.{name}").into(),
        fields,
    })))
}

/// `ZoneOffset.writeExternal`.
fn seconds(input: &mut Input<'_>) -> Result<i32, Stop> {
    const QUARTER: i32 = 900;
    const IN_FULL: i8 = 127;
    match input.u8()? as i8 {
        IN_FULL => input.i32(),
        quarters => Ok(i32::from(quarters) * QUARTER),
    }
}

/// `LocalTime.writeExternal`.
fn clock(input: &mut Input<'_>, fields: &mut Vec<(Arc<str>, Value)>) -> Result<(), Stop> {
    let mut ended = false;
    for name in ["hour", "minute", "second"] {
        let mut value = if ended { 0 } else { input.u8()? as i8 };
        if value < 0 {
            (value, ended) = (!value, true);
        }
        fields.push((name.into(), Value::Byte(value)));
    }
    let nano = if ended { 0 } else { input.i32()? };
    fields.push(("nano".into(), Value::Int(nano)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut input = Input::new(bytes);
        let value = read(&mut input).unwrap().unwrap();
        assert!(input.rest().is_empty());
        let mut text = String::new();
        show(&value, &mut text);
        text
    }

    fn show(value: &Value, text: &mut String) {
        match value {
            Value::Other(object) => {
                text.push_str(object.class.strip_prefix("java.time.").unwrap());
                for (_, field) in &object.fields {
                    text.push(' ');
                    show(field, text);
                }
            }
            other => text.push_str(&format!("{:?}", other.as_i64().unwrap())),
        }
    }

    #[test]
    fn times_leave_out_their_zeros() {
        assert_eq!(shown(&[4, !7]), "LocalTime 7 0 0 0");
        assert_eq!(shown(&[4, 7, !5]), "LocalTime 7 5 0 0");
        assert_eq!(shown(&[4, 7, 5, !9]), "LocalTime 7 5 9 0");
        assert_eq!(shown(&[4, 7, 5, 9, 0, 0, 0, 1]), "LocalTime 7 5 9 1");
        assert_eq!(shown(&[8, 4]), "ZoneOffset 3600");
        assert_eq!(shown(&[8, 0xfc]), "ZoneOffset -3600");
        assert_eq!(shown(&[8, 127, 0, 0, 0, 1]), "ZoneOffset 1");
    }

    #[test]
    fn a_zone_in_a_zone_is_none() {
        let mut bytes = vec![6];
        bytes.extend([0, 0, 7, 0xd0, 1, 1, !0, 0, 6]);
        bytes.extend(bytes.clone());
        assert!(matches!(
            read(&mut Input::new(&bytes)),
            Ok(None) | Err(Stop::More)
        ));
        assert!(matches!(read(&mut Input::new(&[15])), Ok(None)));
        assert!(matches!(read(&mut Input::new(&[0])), Ok(None)));
    }
}
