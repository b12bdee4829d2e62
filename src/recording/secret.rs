//! Names that say that their value is secret.

/// Words in a name that make its value secret.
pub(super) const SECRET_WORDS: [&str; 12] = [
    "pass", "pwd", "token", "secret", "auth", "cred", "cookie", "bearer", "apikey", "api-key",
    "api_key", "access",
];

/// Whether a name says that its value is secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}
