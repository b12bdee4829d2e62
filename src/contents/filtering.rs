//! Which operations an engine can limit to the objects of an owner, and why not others.

use super::Schema;
use crate::api::{EngineKind, Operation};

/// Whether the engine can limit an operation to the objects of an owner: a rule may say `filters: @own`.
#[must_use]
pub fn filters_by_owner(operation: &Operation) -> bool {
    Schema::in_rules(operation).is_some_and(|schema| schema.owner_filter().is_some())
}

/// Why no rule can limit an operation to own objects although it shows or deletes objects that have owners;
/// `None` for other operations. *Source: tried on the engines.*
#[must_use]
pub fn why_not_by_owner(operation: &Operation) -> Option<&'static str> {
    let is_podman = operation.engine == EngineKind::Podman;
    match operation.name.strip_prefix("Libpod").unwrap_or(operation.name) {
        _ if filters_by_owner(operation) => None,
        "SystemDataUsage" => Some("the engine has no filters for disk usage"),
        "BuildPrune" => Some("the build cache has no labels"),
        "SystemEvents" | "Events" if is_podman => {
            Some("podman shows what any one of several label filters matches")
        }
        "VolumeList" | "VolumePrune" if is_podman => {
            Some("podman 4 takes any one of several label filters")
        }
        "ContainerList" | "ContainerPrune" | "NetworkList" | "NetworkPrune" | "ImageList"
        | "ImagePrune" | "PodList" | "PodPrune" | "SecretList" | "SystemPrune"
            if is_podman =>
        {
            Some("dsp does not know how each version of podman combines its filters")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_filtered_has_a_reason() {
        let mut offered = Vec::new();
        for operation in EngineKind::ALL.iter().flat_map(|one| one.catalogue().operations()) {
            assert!(!filters_by_owner(operation) || why_not_by_owner(operation).is_none());
            let shows_many = ["List", "Prune", "Events", "DataUsage"];
            let shows_many = shows_many.iter().any(|end| operation.name.ends_with(end));
            let is_offered = filters_by_owner(operation);
            if is_offered {
                offered.push(format!("{} {operation}", operation.engine));
            } else if shows_many && operation.template.parameters().count() == 0 {
                let nobodys = ["Node", "Plugin", "Artifact", "Quadlet", "Manifest"];
                let is_nobodys = nobodys.iter().any(|one| operation.name.contains(one));
                let is_error = operation.permits.starts_with("learn that podman");
                let why = why_not_by_owner(operation);
                assert_eq!(why.is_none(), is_nobodys || is_error, "{operation} {why:?}");
            }
        }
        insta::assert_snapshot!(offered.join("\n"));
    }
}
