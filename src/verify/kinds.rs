//! The kinds of findings of a verification, and their severities.

use crate::report::{Kind, Severity};

/// What a finding is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Code {
    WrongEngine,
    OtherEngine,
    MinApi,
    NotInEngine,
    NeedsSetting,
    OldestApi,
    Rootless,
    UserNamespaces,
    AuthorizationPlugin,
    SettingsUnknown,
}

/// The kinds of findings, in the order of [`Code`].
pub const KINDS: [Kind; 10] = [
    kind("wrong-engine", "the profile is for another kind of engine", Severity::Error),
    kind(
        "other-engine",
        "the engine gives more away than the one in the profile",
        Severity::Warning,
    ),
    kind("min-api", "the engine does not support the profile's min_api", Severity::Error),
    kind("not-in-engine", "this version of the engine lacks an operation", Severity::Warning),
    kind("needs-setting", "the engine's settings rule out an operation", Severity::Warning),
    kind("oldest-api", "the engine rejects older API versions", Severity::Note),
    kind("rootless", "the engine runs as an unprivileged user", Severity::Note),
    kind("user-namespaces", "root in a container is another user on the host", Severity::Note),
    kind("authorization-plugin", "a plugin of the engine decides as well", Severity::Note),
    kind(
        "settings-unknown",
        "the engine does not say enough of itself to be compared",
        Severity::Note,
    ),
];

const fn kind(code: &'static str, title: &'static str, severity: Severity) -> Kind {
    Kind { code, title, severity }
}

impl Code {
    pub(super) fn kind(self) -> &'static Kind {
        let [wrong, other, min_api, missing, setting, oldest, rootless, userns, plugin, unknown] =
            &KINDS;
        match self {
            Self::WrongEngine => wrong,
            Self::OtherEngine => other,
            Self::MinApi => min_api,
            Self::NotInEngine => missing,
            Self::NeedsSetting => setting,
            Self::OldestApi => oldest,
            Self::Rootless => rootless,
            Self::UserNamespaces => userns,
            Self::AuthorizationPlugin => plugin,
            Self::SettingsUnknown => unknown,
        }
    }
}
