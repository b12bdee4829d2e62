//! Removes from recorded events what an earlier dsp recorded and this one would not.

use std::borrow::Cow;

use super::agent::agent;
use super::{Event, Request, Session, command};
use crate::api::{CanonicalRequest, EngineKind, redacted_method, redacted_path};

/// Removes them from an event that was read.
pub(super) fn event(event: &mut Event<'_>) {
    match event {
        Event::Session(session) => of_session(session),
        Event::Request(request) => of_request(request),
        Event::Response(_) | Event::Made(_) | Event::Repeat(_) | Event::End(_) => {}
    }
}

fn of_session(session: &mut Session) {
    session.command = command::again(&session.command, session.arguments);
}

fn of_request(request: &mut Request<'_>) {
    if let Cow::Owned(method) = redacted_method(&request.method) {
        request.method = method.into();
    }
    if let Some(path) = redacted_again(request) {
        request.path = path.into();
    }
    if let Some(agent) = &mut request.agent
        && let Cow::Owned(kept) = self::agent(agent)
    {
        *agent = kept.into();
    }
}

/// What is shown of a recorded path, if it needs a closer look. The reason why `enforce` refuses it is
/// stored separately, because the path may no longer show it.
fn redacted_again(request: &mut Request<'_>) -> Option<String> {
    // Most paths need no closer look.
    if let Cow::Borrowed(path) = redacted_path(&request.path, None, None, usize::MAX)
        && path.len() == request.path.len()
    {
        return None;
    }
    let parse = |engine| CanonicalRequest::parse(engine, &request.method, &request.path);
    let of_docker = parse(EngineKind::Docker);
    let of_podman = parse(EngineKind::Podman);
    let both = [of_docker.as_ref().ok(), of_podman.as_ref().ok()];
    // The engine of a recording is not known here. A request is an operation if either engine has it.
    let mut all = both.into_iter().flatten();
    let parsed = all.clone().find(|parsed| parsed.locate().is_some()).or_else(|| all.next());
    let located = parsed.and_then(CanonicalRequest::locate);
    let path = redacted_path(&request.path, parsed, located.as_ref(), usize::MAX).into_owned();
    if let (Err(refusal), None) = (&of_docker, parsed) {
        request.refused.get_or_insert_with(|| refusal.to_string().into());
    }
    Some(path)
}
