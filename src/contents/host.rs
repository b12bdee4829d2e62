//! Devices of the host, and where output goes.

use super::path::clean;
use super::reading::{Reading, Subject};
use super::{Facet, Json, Unreadable, fact};

/// The logging drivers that write on the host, where only the engine reads.
const HARMLESS_DRIVERS: [&str; 6] = ["", "json-file", "k8s-file", "local", "journald", "none"];

/// The options of logging drivers that name no file and no address.
const HARMLESS_OPTIONS: [&str; 10] = [
    "max-size",
    "max-file",
    "compress",
    "labels",
    "labels-regex",
    "env",
    "env-regex",
    "tag",
    "mode",
    "max-buffer-size",
];

/// An item of `Devices`.
pub(super) fn device(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    // podman's own API has objects with a path, or texts.
    let path = match value {
        Json::Text(text) => text.split(':').next().unwrap_or_default(),
        value if value.field("path").is_some() => value.text_of("path"),
        value => value.text_of("PathOnHost"),
    };
    match path.starts_with('/') {
        true => reading.add(Facet::Devices, fact::escaped(&clean(path), &[]), field),
        // podman takes the names of CDI devices, and of groups of devices, here.
        false => reading.add_named(Facet::Devices, "request", path, field),
    }
}

/// An item of `DeviceRequests`.
pub(super) fn device_request(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    let driver = match value.text_of("Driver") {
        "" => "gpu",
        driver => driver,
    };
    let driver = fact::escaped(driver, &[':']);
    let ids = value.field("DeviceIDs").map(Json::items).unwrap_or_default();
    let ids: Vec<&str> = ids.iter().filter_map(Json::text).collect();
    let mut values: Vec<String> =
        ids.iter().map(|id| format!("request={driver}:{}", fact::escaped(id, &[]))).collect();
    if values.is_empty() {
        values.push(format!("request={driver}"));
    }
    if value.field("Options").is_some_and(|options| !options.is_empty()) {
        values.push("request-options".to_owned());
    }
    values.into_iter().try_for_each(|value| reading.add(Facet::Devices, value, field))
}

/// `HostConfig.LogConfig` of a container, or `LogDriver` of a service.
pub(super) fn log_config(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    for driver in ["Type", "Name", "driver"].map(|name| value.text_of(name)) {
        if !HARMLESS_DRIVERS.contains(&driver) {
            reading.add_named(Facet::Logging, "", driver, field)?;
        }
    }
    reading.log_path(value.text_of("path"), field)?;
    for options in ["Config", "Options", "options"] {
        for (key, _) in value.field(options).map(Json::entries).unwrap_or_default() {
            if !HARMLESS_OPTIONS.contains(&key.as_str()) {
                reading.add_named(Facet::Logging, "option", key, field)?;
            }
        }
    }
    Ok(())
}

impl Reading<'_> {
    /// A file of the host in which podman writes a log.
    fn log_path(&mut self, path: &str, field: &str) -> Result<(), Unreadable> {
        if path.is_empty() { Ok(()) } else { self.add_named(Facet::Logging, "path", path, field) }
    }
}

/// A place in the host's tree of control groups.
pub(super) fn cgroup_parent(
    reading: &mut Reading<'_>,
    _: &Subject,
    value: &mut Json,
    field: &str,
) -> Result<(), Unreadable> {
    match value.text().unwrap_or_default() {
        "" => Ok(()),
        parent => reading.add_named(Facet::Namespaces, "cgroup-parent", parent, field),
    }
}
