//! The names in a certificate: the DNS names, e-mail addresses and URIs of `subjectAltName` (RFC 5280
//! section 4.2.1.6). `CN` is not one of them, because it can be anything.
//!
//! The certificate was checked before. What is not as the specification has it is no name.

/// The most names that are read.
const MOST: usize = 32;

/// The longest name, in bytes.
const LONGEST: usize = 255;

/// `id-ce-subjectAltName`, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

// The tags of DER (X.690).
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
const EXTENSIONS: u8 = 0xa3;
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;

/// The names in a certificate, in the order in which they are there. Names with other characters than
/// visible ASCII are left out.
pub(super) fn names(certificate: &[u8]) -> Vec<String> {
    alternatives(certificate).unwrap_or_default()
}

fn alternatives(certificate: &[u8]) -> Option<Vec<String>> {
    let (whole, _) = expect(certificate, SEQUENCE)?;
    let (mut signed, _) = expect(whole, SEQUENCE)?;
    // Everything before the extensions has another tag.
    let extensions = loop {
        let (tag, contents, rest) = next(signed)?;
        if tag == EXTENSIONS {
            break contents;
        }
        signed = rest;
    };
    let (mut extensions, _) = expect(extensions, SEQUENCE)?;
    loop {
        let (extension, others) = expect(extensions, SEQUENCE)?;
        let (identifier, rest) = expect(extension, OBJECT_IDENTIFIER)?;
        if identifier == SUBJECT_ALT_NAME {
            // Whether it is critical is optional.
            let rest = expect(rest, BOOLEAN).map_or(rest, |(_, rest)| rest);
            let (value, _) = expect(rest, OCTET_STRING)?;
            let (names, _) = expect(value, SEQUENCE)?;
            return Some(listed(names));
        }
        extensions = others;
    }
}

fn listed(mut names: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((tag, contents, rest)) = next(names) {
        names = rest;
        let is_name = matches!(tag, EMAIL | DNS | URI)
            && (1..=LONGEST).contains(&contents.len())
            && contents.iter().all(u8::is_ascii_graphic);
        if is_name && found.len() < MOST {
            found.push(String::from_utf8_lossy(contents).into_owned());
        }
    }
    found
}

/// The contents of the first value, which must have this tag, and what follows it.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    next(bytes).filter(|(found, ..)| *found == tag).map(|(_, contents, rest)| (contents, rest))
}

/// The tag and the contents of the first value, and what follows it.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, bytes) = bytes.split_first()?;
    let (&first, bytes) = bytes.split_first()?;
    let (length, bytes) = match first {
        0..=0x7f => (usize::from(first), bytes),
        // A certificate has less than 2^24 bytes.
        0x81..=0x83 => {
            let (digits, rest) = bytes.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (contents, rest) = bytes.split_at_checked(length)?;
    Some((tag, contents, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(params: rcgen::CertificateParams) -> Vec<String> {
        let key = rcgen::KeyPair::generate().unwrap();
        names(params.self_signed(&key).unwrap().der())
    }

    #[test]
    fn only_alternative_names_count() {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "root.example");
        assert_eq!(of(params.clone()), [""; 0]);
        params.subject_alt_names = vec![
            rcgen::SanType::DnsName("ci.example".try_into().unwrap()),
            rcgen::SanType::IpAddress("10.0.0.1".parse().unwrap()),
            rcgen::SanType::Rfc822Name("ci@example.org".try_into().unwrap()),
            rcgen::SanType::URI("spiffe://example/ci".try_into().unwrap()),
            rcgen::SanType::DnsName("a b".try_into().unwrap()),
            rcgen::SanType::DnsName("x\u{1b}[2J".try_into().unwrap()),
        ];
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        assert_eq!(of(params), ["ci.example", "ci@example.org", "spiffe://example/ci"]);
    }

    #[test]
    fn there_is_a_limit() {
        let mut params = rcgen::CertificateParams::default();
        let name = |number: usize| format!("n{number}.example").try_into().unwrap();
        params.subject_alt_names = (0..100).map(name).map(rcgen::SanType::DnsName).collect();
        assert_eq!(of(params).len(), MOST);
    }

    proptest::proptest! {
        #[test]
        fn anything_can_be_read(bytes: Vec<u8>, at in 0..600_usize, byte: u8) {
            names(&bytes);
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
            let mut certificate = params.self_signed(&key).unwrap().der().to_vec();
            if let Some(place) = certificate.get_mut(at) {
                *place = byte;
            }
            for name in names(&certificate) {
                proptest::prop_assert!(name.bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
