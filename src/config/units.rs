//! Durations, sizes, numbers and addresses as people write them. Every error ends a sentence
//! that begins with the value: "`5x` is not a duration; …".

use std::ops::RangeInclusive;
use std::time::Duration;

const DURATION_UNITS: &[(&str, u64)] = &[
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const BYTE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// The amount in the smallest unit of the table.
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = units
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()))?
        .1;
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// `500ms`, `10s`, `5m`, `1h`, `7d`.
pub fn duration_within(text: &str, bounds: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration = amount(text, DURATION_UNITS)
        .map(Duration::from_millis)
        .ok_or("is not a duration; write a number and ms, s, m, h or d: `10s`")?;
    if bounds.contains(&duration) {
        return Ok(duration);
    }
    let (low, high) = (show_duration(*bounds.start()), show_duration(*bounds.end()));
    Err(format!("is out of range; from {low} to {high}"))
}

/// A size in bytes: `2GiB`, `512KiB`.
pub fn bytes_within(text: &str, bounds: &RangeInclusive<u64>) -> Result<u64, String> {
    let bytes = amount(text, BYTE_UNITS)
        .ok_or("is not a size; write a number and B, KiB, MiB or GiB: `64MiB`")?;
    if bounds.contains(&bytes) {
        return Ok(bytes);
    }
    let (low, high) = (show_bytes(*bounds.start()), show_bytes(*bounds.end()));
    Err(format!("is out of range; from {low} to {high}"))
}

/// A whole number.
pub fn number_within(text: &str, bounds: &RangeInclusive<u64>) -> Result<u64, String> {
    let number: u64 = text.parse().map_err(|_| "is not a whole number")?;
    if bounds.contains(&number) {
        return Ok(number);
    }
    Err(format!(
        "is out of range; from {} to {}",
        bounds.start(),
        bounds.end()
    ))
}

/// `true` or `false`.
pub fn flag(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("is neither true nor false".to_owned()),
    }
}

/// The largest unit that shows the duration whole.
pub fn show_duration(duration: Duration) -> String {
    show(
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        DURATION_UNITS,
    )
}

/// The largest binary unit that shows the size whole.
pub fn show_bytes(bytes: u64) -> String {
    show(bytes, &BYTE_UNITS[..5])
}

fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let whole = |(_, factor): &&(&str, u64)| amount >= *factor && amount.is_multiple_of(*factor);
    let (name, factor) = units.iter().rev().find(whole).unwrap_or(&units[0]);
    format!("{}{name}", amount / factor)
}

/// Host and port of `host:port`, `[::1]:port` or `host` with a default port.
pub fn host_port(text: &str, default_port: Option<u16>) -> Result<(String, u16), String> {
    let (host, port) = split_host_port(text)?;
    if host.is_empty() || host.contains(['/', ' ']) {
        return Err("is not an address; write host:port".to_owned());
    }
    let port = match (port, default_port) {
        (Some(port), _) => match port.parse::<u16>() {
            Ok(port) if port > 0 => port,
            _ => {
                return Err(format!(
                    "has the port `{port}`; a port is a number from 1 to 65535"
                ));
            }
        },
        (None, Some(port)) => port,
        (None, None) => return Err("has no port; write host:port".to_owned()),
    };
    Ok((host.to_owned(), port))
}

fn split_host_port(text: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or("has a `[` without its `]`")?;
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err("is not an address; write [host]:port".to_owned()),
        };
    }
    match text.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => {
            Err("is an IPv6 address without brackets; write [address]:port".to_owned())
        }
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

/// `host:port`, with brackets around an IPv6 address.
pub fn show_host_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_read_and_show() {
        let any = Duration::ZERO..=Duration::MAX;
        for text in ["500ms", "10s", "5m", "2h", "7d"] {
            assert_eq!(show_duration(duration_within(text, &any).unwrap()), text);
        }
        for text in ["1B", "3KiB", "64MiB", "2GiB"] {
            assert_eq!(
                show_bytes(bytes_within(text, &(0..=u64::MAX)).unwrap()),
                text
            );
        }
        for text in ["", "10", "s", "-1s", "1.5s", "99999999999999999999s", "é"] {
            assert!(duration_within(text, &any).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses() {
        assert_eq!(host_port("zk1:2181", None), Ok(("zk1".into(), 2181)));
        assert_eq!(host_port("zk1", Some(2181)), Ok(("zk1".into(), 2181)));
        assert_eq!(host_port("[::1]:2181", None), Ok(("::1".into(), 2181)));
        for text in [
            "zk1",
            ":1",
            "zk1:0",
            "zk1:65536",
            "zk1:x",
            "::1",
            "[::1",
            "http://x:1",
        ] {
            assert!(host_port(text, None).is_err(), "{text}");
        }
    }
}
