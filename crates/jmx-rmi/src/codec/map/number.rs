//! Decimal notation of `BigInteger` and `BigDecimal`.

/// The longest magnitude converted: 2,466 digits.
const MAGNITUDE: usize = 1024;
/// The most zeros which `toPlainString` may need.
const SCALE: u32 = 1024;

/// The decimal digits of a big-endian magnitude. `None` if it is too long to be worth it.
pub(super) fn decimal(magnitude: &[u8], negative: bool) -> Option<String> {
    const BILLION: u64 = 1_000_000_000;
    if magnitude.len() > MAGNITUDE {
        return None;
    }
    // Groups of nine digits, lowest first: multiply by 256 and add, byte by byte.
    let mut groups: Vec<u64> = vec![0];
    for byte in magnitude {
        let mut carry = u64::from(*byte);
        for group in &mut groups {
            let value = *group * 256 + carry;
            *group = value % BILLION;
            carry = value / BILLION;
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let mut groups = groups.into_iter().rev();
    let mut text = String::from(if negative { "-" } else { "" });
    text.push_str(&groups.next().unwrap_or_default().to_string());
    for group in groups {
        text.push_str(&format!("{group:09}"));
    }
    Some(text)
}

/// `digits * 10^-scale` without an exponent. `None` if that would take too many zeros.
pub(super) fn with_scale(digits: &str, scale: i32) -> Option<String> {
    if scale.unsigned_abs() > SCALE {
        return None;
    }
    let zeros = "0".repeat(scale.unsigned_abs() as usize);
    if scale == 0 {
        return Some(digits.to_owned());
    }
    if scale < 0 {
        return Some(if digits == "0" {
            digits.to_owned()
        } else {
            format!("{digits}{zeros}")
        });
    }
    let (sign, digits) = digits
        .strip_prefix('-')
        .map_or(("", digits), |digits| ("-", digits));
    let padded = format!("{zeros}{digits}");
    let (whole, fraction) = padded.split_at_checked(padded.len() - zeros.len())?;
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(format!("{sign}{whole}.{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_java_prints_them() {
        assert_eq!(decimal(&[], false).unwrap(), "0");
        assert_eq!(decimal(&[1, 0], true).unwrap(), "-256");
        assert_eq!(
            decimal(&u64::MAX.to_be_bytes(), false).unwrap(),
            u64::MAX.to_string()
        );
        assert_eq!(
            decimal(&u128::MAX.to_be_bytes(), false).unwrap(),
            u128::MAX.to_string()
        );
        assert_eq!(decimal(&[0xff; MAGNITUDE + 1], false), None);
        assert_eq!(with_scale("-12345", 2).unwrap(), "-123.45");
        assert_eq!(with_scale("5", 3).unwrap(), "0.005");
        assert_eq!(with_scale("12", -3).unwrap(), "12000");
        assert_eq!(with_scale("0", -3).unwrap(), "0");
        assert_eq!(with_scale("0", 2).unwrap(), "0.00");
        assert_eq!(with_scale("1", i32::MIN), None);
    }
}
