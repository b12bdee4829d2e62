//! Profiles that are in force, and their replacement by new versions.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::audit::Audit;
use super::nested::{Mounts, NestedError, NestedPlace, NestedSockets};
use super::runtime_dir::RuntimeDir;
use super::to_enforce::{Member, ProfileError, ProfileToEnforce};
use crate::contents::Sockets;
use crate::engine::Engine;
use crate::policy::{Enforcer, Gate, Replaceable, Request, Verdict};
use crate::profile::Profile;
use crate::proxy::{Listener, OpenRequest, Running, Service};
use crate::verify::Caveat;
use crate::wire::EngineAddress;

/// A profile that is in force, with those to which the sockets of containers are held.
pub(super) struct ProfileInForce {
    file: ProfileToEnforce,
    /// The gate of the profile that the user named.
    gate: Arc<Replaceable>,
    /// The first is the one that the user named. One that no rule names any more stays as it is, because
    /// containers may still have its socket.
    members: Vec<InForce>,
    /// The sockets that containers ask for.
    sockets: Sockets,
    place: Place,
}

/// What stays the same when a profile is replaced.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The folders for the sockets of containers.
    pub(super) runtime_dir: RuntimeDir,
    /// The engine.
    pub(super) engine: EngineAddress,
    /// The number of the first profile, for [`Service::numbered`]. The others have the next ones.
    pub(super) first_number: usize,
}

/// A new version of a profile that can be put in force. Its sockets are open.
pub(super) struct Prepared {
    file: ProfileToEnforce,
    opened: Vec<(PathBuf, NestedSockets, Vec<Listener>)>,
}

/// One of the profiles.
struct InForce {
    path: PathBuf,
    gate: Arc<Replaceable>,
    /// The sockets that are held to it.
    nested: Option<NestedSockets>,
}

/// Listeners for containers, which have to be served.
pub(super) struct NestedListeners {
    /// The number of the profile, for [`Service::numbered`].
    pub(super) number: usize,
    pub(super) gate: Arc<dyn Gate>,
    pub(super) listeners: Vec<Listener>,
}

/// The result of a successful reload.
#[derive(Debug)]
pub struct Reload {
    /// The new profile.
    pub profile: Profile,
    /// What the user should know about enforcing it on this engine.
    pub caveats: Vec<Caveat>,
    /// The requests in progress that it denies.
    pub denied: Vec<OpenRequest>,
    /// Whether those requests were ended.
    pub has_ended: bool,
}

impl InForce {
    fn new(file: &ProfileToEnforce, member: &Member) -> Self {
        let gate = Replaceable::new(file.gate(member, Sockets::default()));
        Self { path: member.path.clone(), gate: Arc::new(gate), nested: None }
    }
}

impl ProfileInForce {
    /// Puts a profile in force. Containers ask for these sockets. Also returns the listeners for those
    /// that they get.
    ///
    /// # Errors
    /// When containers need sockets and cannot have them.
    pub(super) fn new(
        file: ProfileToEnforce,
        sockets: Sockets,
        place: Place,
    ) -> Result<(Self, Vec<NestedListeners>), NestedError> {
        let main = InForce::new(&file, file.main());
        let gate = Arc::clone(&main.gate);
        let members = vec![main];
        let mut profile = Self { file: file.clone(), gate, members, sockets, place };
        let prepared = profile.prepare(file)?;
        let opened = profile.put(prepared);
        Ok((profile, opened))
    }

    /// Prepares a new version of the profile: afterwards, nothing can fail.
    ///
    /// # Errors
    /// When containers need sockets and cannot have them.
    pub(super) fn prepare(&self, file: ProfileToEnforce) -> Result<Prepared, NestedError> {
        let mut opened = Vec::new();
        for member in file.nested() {
            if self.number_of(&member.path).is_none_or(|number| !self.is_open(number)) {
                let runtime_dir = self.place.runtime_dir.clone();
                let place = NestedPlace::new(runtime_dir, file.owner_name(), &member.path);
                let (nested, listeners) = NestedSockets::open(&place, &self.place.engine)?;
                opened.push((member.path.clone(), nested, listeners));
            }
        }
        Ok(Prepared { file, opened })
    }

    /// Puts a version in force that was prepared. Returns the listeners for sockets that are new.
    pub(super) fn put(&mut self, prepared: Prepared) -> Vec<NestedListeners> {
        let Prepared { file, opened } = prepared;
        if let Some(main) = self.members.first_mut() {
            main.path.clone_from(&file.main().path);
        }
        for member in file.members() {
            if self.number_of(&member.path).is_none() {
                self.members.push(InForce::new(&file, member));
            }
        }
        let mut to_serve = Vec::new();
        for (path, nested, listeners) in opened {
            let Some(number) = self.number_of(&path) else { continue };
            let Some(in_force) = self.members.get_mut(number) else { continue };
            in_force.nested = Some(nested);
            let gate = Arc::clone(&in_force.gate) as Arc<dyn Gate>;
            let number = self.place.first_number.saturating_add(number);
            to_serve.push(NestedListeners { number, gate, listeners });
        }
        for member in file.members() {
            let gate = file.gate(member, self.sockets_of(member));
            if let Some(in_force) = self.in_force(&member.path) {
                in_force.gate.replace(gate);
            }
        }
        self.file = file;
        to_serve
    }

    /// From now on, containers ask for these sockets. It takes effect with the next version.
    pub(super) fn set_sockets(&mut self, sockets: Sockets) {
        self.sockets = sockets;
    }

    /// Denies everything, because nobody is held to these profiles any more.
    pub(super) fn close_gates(&self) {
        for member in &self.members {
            let nothing = Profile::empty(self.profile().name.clone(), self.profile().engine);
            member.gate.replace(Arc::new(Enforcer::new(&nothing)));
        }
    }

    /// Compares all of the profiles with an engine.
    pub(super) fn check_engine(&self, engine: &Engine) -> Result<Vec<Caveat>, ProfileError> {
        self.file.check_engine(engine)
    }

    /// Whether a service with this number is held to one of these profiles.
    pub(super) fn has_service(&self, number: usize) -> bool {
        let first = self.place.first_number;
        (first..first.saturating_add(self.members.len())).contains(&number)
    }

    fn number_of(&self, path: &Path) -> Option<usize> {
        self.members.iter().position(|member| member.path == path)
    }

    fn in_force(&self, path: &Path) -> Option<&InForce> {
        self.members.get(self.number_of(path)?)
    }

    fn is_open(&self, number: usize) -> bool {
        self.members.get(number).is_some_and(|member| member.nested.is_some())
    }

    /// The sockets that the containers of a profile ask for, and those that they get.
    fn sockets_of(&self, member: &Member) -> Sockets {
        let path = |in_force: &InForce| in_force.nested.as_ref()?.path();
        let all = self.members.iter().filter_map(path);
        let sockets = all.fold(self.sockets.clone(), Sockets::with_own);
        member.sockets().fold(sockets, |sockets, (named, other)| {
            match self.in_force(other).and_then(path) {
                Some(path) => sockets.nesting(named, path),
                None => sockets,
            }
        })
    }

    /// What finds the containers that have sockets; `None` if none get any.
    pub(super) fn mounts(&self) -> Option<Mounts> {
        let nested = self.members.iter().filter_map(|member| member.nested.as_ref());
        nested.map(NestedSockets::mounts).reduce(Mounts::and)
    }

    /// Closes the sockets of containers. Returns the names of the containers that still run.
    pub(super) async fn close_nested(&mut self) -> Vec<String> {
        let mut running = Vec::new();
        for nested in self.members.iter_mut().filter_map(|member| member.nested.take()) {
            running.extend(nested.close().await);
        }
        running
    }

    /// The profiles, the user's first.
    pub(super) fn profiles(&self) -> impl Iterator<Item = &Profile> {
        self.file.profiles()
    }

    /// The profile that the user named, with its file.
    pub(super) fn main(&self) -> &Member {
        self.file.main()
    }

    /// The profile that the user named.
    pub(super) fn profile(&self) -> &Profile {
        self.file.profile()
    }

    /// The gate of that one. It always applies the current version.
    pub(super) fn gate(&self) -> Arc<dyn Gate> {
        Arc::clone(&self.gate) as Arc<dyn Gate>
    }

    /// Reads the profiles again and puts the new versions in force. An engine that is not known yet is
    /// compared with them later.
    ///
    /// # Errors
    /// When one of them cannot be put in force. The old ones then stay in force.
    pub(super) fn reload(
        &mut self,
        engine: Option<&Engine>,
        running: &Running,
        service: impl Fn(Arc<dyn Gate>) -> Service<Audit>,
    ) -> Result<Reload, ProfileError> {
        let file = self.file.load_again()?;
        let caveats = match engine {
            Some(engine) => file.check_engine(engine)?,
            None => Vec::new(),
        };
        let prepared = self.prepare(file)?;
        for nested in self.put(prepared) {
            let service = service(nested.gate).numbered(nested.number);
            running.listen(nested.listeners, Arc::new(service));
        }
        Ok(self.reloaded(caveats, running))
    }

    /// The result of putting a new version in force. Ends the requests that it denies, if that is wanted.
    pub(super) fn reloaded(&self, caveats: Vec<Caveat>, running: &Running) -> Reload {
        let mode = self.file.mode;
        let has_ended = mode.drops_denied && !mode.only_audits;
        let first = self.place.first_number;
        let of = |member: &Member| {
            let number = first.saturating_add(self.number_of(&member.path)?);
            Some((number, Enforcer::new(&member.profile)))
        };
        let enforcers: Vec<_> = self.file.members().filter_map(of).collect();
        let mut denied = running.requests();
        denied.retain(|open| {
            let mut of_profile = enforcers.iter().filter(|(number, _)| *number == open.service);
            of_profile.any(|(_, enforcer)| is_denied(enforcer, open))
        });
        if has_ended {
            denied.iter().for_each(|open| running.cut(open.connection));
        }
        Reload { profile: self.profile().clone(), caveats, denied, has_ended }
    }
}

fn is_denied(enforcer: &Enforcer, open: &OpenRequest) -> bool {
    let decision = enforcer.decide(&Request::new(&open.method, &open.target));
    matches!(decision.verdict, Verdict::Deny(_))
}

#[cfg(test)]
mod tests;
