//! What a request means for followed containers.

use crate::api::Made;
use crate::follow::Form;
use crate::policy::Decision;

/// What a request means for followed containers.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Asks {
    /// It creates something. Its body has this form, and its query may give a name.
    Create(Form, Option<String>),
    /// It creates pods from a Kubernetes file.
    PlayKube,
    /// It renames a container.
    Rename {
        /// The old name, or the ID.
        container: String,
        /// The new name.
        name: String,
    },
    /// None of these.
    Else,
}

impl Asks {
    pub(super) fn of(decision: &Decision) -> Self {
        let (Some(request), Some(located)) = (&decision.request, &decision.located) else {
            return Self::Else;
        };
        let name = || request.query().name(request.engine());
        let traits = located.operation.traits;
        if traits.rename {
            return match (located.values.first(), name()) {
                (Some(container), Some(name)) => {
                    Self::Rename { container: container.clone(), name }
                }
                _ => Self::Else,
            };
        }
        match traits.makes {
            Some(Made::Container) => Self::Create(Form::Container, name()),
            Some(Made::LibpodContainer) => Self::Create(Form::Libpod, None),
            Some(Made::Pod) => Self::Create(Form::Pod, None),
            Some(Made::Service) => Self::Create(Form::Service, None),
            Some(Made::Volume) => Self::Create(Form::Volume, None),
            Some(Made::Kube) => Self::PlayKube,
            None => Self::Else,
        }
    }
}

/// Whether a request that dsp cannot read may create a container, or start one with mounts in the body,
/// as engines up to 24 accept below version 1.24. The path is percent-decoded, because engines do that
/// too.
pub(super) fn may_create(method: &str, target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let mut words = path.split('/').filter(|word| !word.is_empty());
    let is_there =
        words.any(|word| matches!(word, "containers" | "services" | "pods" | "kube" | "play"));
    let last = words.next_back().unwrap_or_default();
    method == "POST" && is_there && matches!(last, "create" | "start" | "update" | "play" | "kube")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::EngineKind;
    use crate::policy::{Gate, Observer, Request};

    #[test]
    fn of_several_names_each_engine_takes_its_own() {
        let asks = |kind| {
            let target = "/containers/create?name=/first&name=last";
            let decision = Observer::new(kind).decide(&Request::new("POST", target));
            Asks::of(&decision)
        };
        let named = |name: &str| Asks::Create(Form::Container, Some(name.to_owned()));
        assert_eq!(asks(EngineKind::Docker), named("first"));
        assert_eq!(asks(EngineKind::Podman), named("last"));
    }

    #[test]
    fn what_may_create_a_container_is_known_in_forms_that_nobody_reads() {
        for target in [
            "/v1.23/containers/create?name=x",
            "/v1.23/containers/web/start",
            "//containers//create",
            "/containers/cre%61te",
            "http://d/v1.41/containers/create",
            "/v9.9.9/libpod/pods/create",
            "/libpod/play/kube",
            "/services/web/update",
        ] {
            assert!(may_create("POST", target), "{target}");
        }
        for target in
            ["*", "/", "/create", "/images/create", "/containers/json", "/v1.41/volumes/x"]
        {
            assert!(!may_create("POST", target), "{target}");
        }
        assert!(!may_create("GET", "/containers/create"));
    }
}
