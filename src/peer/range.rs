//! Ranges of addresses, such as `10.0.0.0/8`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::text::printable;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct AddressRange {
    first: IpAddr,
    /// How many bits are the same.
    bits: u8,
}

/// Why a text is not a range of addresses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AddressRangeError {
    /// It has another form.
    #[error("\"{}\" is not an address or a range of addresses, such as 10.1.2.3 or 10.0.0.0/8", printable(.0))]
    Malformed(String),
    /// The number of bits is too large.
    #[error("an address such as {ip} has {most} bits, so a range cannot have {bits}")]
    TooLong {
        /// The address.
        ip: IpAddr,
        /// The number of bits that were given.
        bits: u32,
        /// The number of bits of the address.
        most: u8,
    },
    /// The address is not the first of the range.
    #[error("{ip} is not the first address of a range of {bits} bits; write {range}")]
    NotFirst {
        /// The address that was given.
        ip: IpAddr,
        /// The number of bits.
        bits: u8,
        /// The range that contains it.
        range: AddressRange,
    },
}

impl AddressRange {
    /// Whether an address is in the range. An IPv4-mapped IPv6 address is an IPv4 address.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.first.is_ipv4() && first(ip, self.bits) == self.first
    }
}

/// The address with only the first bits kept.
fn first(ip: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match ip {
        IpAddr::V4(ip) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            IpAddr::V4((ip.to_bits() & mask).into())
        }
        IpAddr::V6(ip) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            IpAddr::V6((ip.to_bits() & mask).into())
        }
    }
}

impl FromStr for AddressRange {
    type Err = AddressRangeError;

    fn from_str(text: &str) -> Result<Self, AddressRangeError> {
        let malformed = || AddressRangeError::Malformed(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let ip: IpAddr = address.parse().map_err(|_| malformed())?;
        let most = if ip.is_ipv4() { 32 } else { 128 };
        let bits = match length {
            None => most,
            Some(length) => {
                let is_number = !length.is_empty()
                    && length.bytes().all(|byte| byte.is_ascii_digit())
                    && (length == "0" || !length.starts_with('0'));
                let bits: u32 = length.parse().ok().filter(|_| is_number).ok_or_else(malformed)?;
                let fits = u8::try_from(bits).ok().filter(|bits| *bits <= most);
                fits.ok_or(AddressRangeError::TooLong { ip, bits, most })?
            }
        };
        let range = Self { first: first(ip, bits), bits };
        if range.first != ip {
            return Err(AddressRangeError::NotFirst { ip, bits, range });
        }
        // A client with an IPv4-mapped address counts as one with an IPv4 address, and so does a rule.
        match ip.to_canonical() {
            IpAddr::V4(mapped) if ip.is_ipv6() && bits >= 96 => {
                let bits = bits.saturating_sub(96);
                Ok(Self { first: first(IpAddr::V4(mapped), bits), bits })
            }
            _ => Ok(range),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, bits } = self;
        let most = if first.is_ipv4() { 32 } else { 128 };
        if *bits == most { first.fmt(to) } else { write!(to, "{first}/{bits}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> AddressRange {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_contains_what_begins_with_its_bits() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.0"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.2.3", "::ffff:10.1.2.3", "::10.1.2.3"),
            ("::ffff:10.1.0.0/112", "10.1.9.9", "10.2.0.0"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("::/0", "::1", "127.0.0.1"),
            ("fd00::/8", "fdff::1", "fe80::1"),
            ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"),
        ] {
            assert!(range(text).contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!range(text).contains(outside.parse().unwrap()), "{text} {outside}");
        }
        assert_eq!(range("10.0.0.0/8").to_string(), "10.0.0.0/8");
        assert_eq!(range("10.0.0.1/32").to_string(), "10.0.0.1");
    }

    #[test]
    fn what_is_not_a_range_is_refused_with_what_to_write() {
        for text in
            ["", "a", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0/8", "1.2.3.4:80", "[::1]"]
        {
            assert!(
                matches!(text.parse::<AddressRange>(), Err(AddressRangeError::Malformed(_))),
                "{text}"
            );
        }
        let error = |text: &str| text.parse::<AddressRange>().unwrap_err().to_string();
        assert_eq!(
            error("10.0.0.5/8"),
            "10.0.0.5 is not the first address of a range of 8 bits; write 10.0.0.0/8"
        );
        assert_eq!(
            error("10.0.0.0/33"),
            "an address such as 10.0.0.0 has 32 bits, so a range cannot have 33"
        );
        assert_eq!(
            error("x\u{1b}"),
            "\"x\\u{1b}\" is not an address or a range of addresses, such as 10.1.2.3 or 10.0.0.0/8"
        );
    }
}
