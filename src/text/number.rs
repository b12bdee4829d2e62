//! Numbers as text.

/// `1 request`, `2 requests`.
#[must_use]
pub fn count(number: impl TryInto<u64>, thing: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// Bytes in hexadecimal, with two lowercase digits each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether a number is 1, 10, 100 and so on. Events that repeat are logged at these.
#[must_use]
pub fn is_power_of_ten(number: u64) -> bool {
    number.checked_ilog10().is_some_and(|zeros| 10_u64.pow(zeros) == number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_agree_with_their_nouns() {
        assert_eq!([count(1, "rule"), count(0, "rule")], ["1 rule", "0 rules"]);
    }

    #[test]
    fn each_byte_has_two_digits() {
        assert_eq!(hex(&[0, 10, 255]), "000aff");
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn powers_of_ten_are_found() {
        let found: Vec<u64> = (0..2000).filter(|number| is_power_of_ten(*number)).collect();
        assert_eq!(found, [1, 10, 100, 1000]);
        assert!(!is_power_of_ten(u64::MAX));
    }
}
