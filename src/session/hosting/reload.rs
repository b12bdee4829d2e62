//! Reads the host file and its profiles again. Everything of the new version takes effect, or nothing.

use super::access::AccessChanges;
use super::activation::OpenedSockets;
use super::load::{HostToServe, HostingError, ProgramToServe, clients};
use super::program::{Served, asked_for};
use super::served::{Hosting, open};
use crate::host::{Host, Program, Socket};
use crate::peer::Clients;
use crate::profile::Name;
use crate::proxy::{Listener, Listening};
use crate::session::audit_log::About;
use crate::session::output::JournalError;
use crate::session::reload::{NestedListeners, Prepared, Reload};
use crate::verify::Caveat;

/// The result of a successful reload.
#[derive(Debug)]
pub struct HostReload {
    /// The programs that are served now.
    pub programs: Vec<ProgramReload>,
    /// The programs that are not served any more.
    pub removed: Vec<Name>,
}

/// A program after a reload.
#[derive(Debug)]
pub struct ProgramReload {
    /// Its name.
    pub name: Name,
    /// Whether it was not served before.
    pub is_new: bool,
    /// Its profile.
    pub reload: Reload,
    /// After an error, the audit log continues in the previous file.
    pub audit_log: Result<(), JournalError>,
}

/// A program of the new version, of which nothing can fail any more.
enum Ready {
    Known(Box<Known>),
    New { name: Name, served: Box<Served>, nested: Vec<NestedListeners> },
}

/// The new version of a program that is being served.
struct Known {
    name: Name,
    program: Program,
    clients: Clients,
    prepared: Prepared,
}

impl Ready {
    fn name(&self) -> &Name {
        match self {
            Self::Known(known) => &known.name,
            Self::New { name, .. } => name,
        }
    }
}

impl Hosting {
    /// Reads the file and the profiles again, and puts the new version in force.
    ///
    /// # Errors
    /// When something in it cannot be put in force. The old version then stays.
    pub async fn reload(&mut self) -> Result<HostReload, HostingError> {
        let reloaded = self.load_again().await;
        self.metrics.reloaded(reloaded.is_err());
        reloaded
    }

    async fn load_again(&mut self) -> Result<HostReload, HostingError> {
        let new = HostToServe::load(&self.file)?;
        check_fixed(&self.host, &new.host)?;
        let caveats = match self.engine.known() {
            Some(engine) => new.check_engine(engine)?,
            None => Vec::new(),
        };
        let HostToServe { host, programs, .. } = new;
        let listeners = self.open_new(&host).await?;
        let mut ready = Vec::new();
        for program in programs {
            ready.push(self.prepare(program)?);
        }
        let changes = AccessChanges::make(&self.sockets, &host)?;
        // Last, because certificates are in use as soon as they have been read.
        self.load_certificates().inspect_err(|_| changes.undo())?;
        // From here on, nothing fails.
        self.host = host;
        let mut reloaded = Vec::new();
        for ready in ready {
            let of_program = caveats.iter().filter(|(name, _)| name == ready.name());
            let of_program = of_program.map(|(_, caveat)| caveat.clone()).collect();
            reloaded.extend(self.put(ready, of_program));
        }
        self.put_sockets(listeners);
        let removed = self.remove_programs().await;
        Ok(HostReload { programs: reloaded, removed })
    }

    /// Reads the certificates of the sockets again.
    fn load_certificates(&self) -> Result<(), HostingError> {
        for open in &self.sockets {
            let reloaded = open.tls.as_ref().map_or(Ok(()), |tls| tls.reload());
            let address = || open.socket.address.clone();
            reloaded.map_err(|source| HostingError::Tls { address: address(), source })?;
        }
        Ok(())
    }

    /// Opens the sockets that are not open yet.
    async fn open_new(&self, host: &Host) -> Result<Vec<(Socket, Listener)>, HostingError> {
        let mut opened = Vec::new();
        for socket in &host.sockets {
            if self.sockets.iter().all(|open| open.socket.address != socket.address) {
                let listener =
                    open(host, socket, &mut OpenedSockets::default(), &mut |_, _| ()).await?;
                opened.push((socket.clone(), listener));
            }
        }
        Ok(opened)
    }

    fn prepare(&mut self, to_serve: ProgramToServe) -> Result<Ready, HostingError> {
        let name = to_serve.name.clone();
        match self.programs.get(&name) {
            Some(served) => {
                let prepared = served.profile.prepare(to_serve.profile);
                let prepared = prepared.map_err(|error| HostingError::of_program(&name, error))?;
                let program = to_serve.program;
                let clients = clients(&name, &program)?;
                Ok(Ready::Known(Box::new(Known { name, program, clients, prepared })))
            }
            None => {
                let number = self.take_number();
                let (served, nested) = Served::new(to_serve, &self.common(), number)?;
                Ok(Ready::New { name, served: Box::new(served), nested })
            }
        }
    }

    /// Puts the new version of a program in force.
    fn put(&mut self, ready: Ready, caveats: Vec<Caveat>) -> Option<ProgramReload> {
        let (name, is_new, nested) = match ready {
            Ready::Known(known) => {
                let Known { name, program, clients, prepared } = *known;
                let sockets = asked_for(&program, self.engine.address());
                let served = self.programs.get_mut(&name)?;
                served.profile.set_sockets(sockets);
                let nested = served.profile.put(prepared);
                served.program = program;
                served.clients = clients;
                (name, false, nested)
            }
            Ready::New { name, served, nested } => {
                self.programs.insert(name.clone(), *served);
                (name, true, nested)
            }
        };
        self.serve_nested(&name, nested);
        let served = self.programs.get(&name)?;
        let main = served.profile.main();
        self.metrics.in_force(&name, &main.profile.name, &main.digest);
        let about = About::new(main, self.engine.known());
        // The log of a new program has just begun.
        let audit_log = if is_new { Ok(()) } else { served.audit.reopen(about) };
        let reload = served.profile.reloaded(caveats, &self.running);
        Some(ProgramReload { name, is_new, reload, audit_log })
    }

    /// Denies everything to the clients of programs that are not in the file any more, and ends their
    /// requests.
    async fn remove_programs(&mut self) -> Vec<Name> {
        let is_removed = |name: &Name| !self.host.programs.contains_key(name);
        let removed: Vec<Name> =
            self.programs.keys().filter(|it| is_removed(it)).cloned().collect();
        for name in &removed {
            let Some(mut served) = self.programs.shift_remove(name) else { continue };
            served.profile.close_gates();
            served.nested.iter().for_each(Listening::close);
            let open = self.running.requests().into_iter();
            open.filter(|open| served.profile.has_service(open.service))
                .for_each(|open| self.running.cut(open.connection));
            served.profile.close_nested().await;
            served.audit.end(None);
            self.metrics.remove(name);
        }
        removed
    }

    /// Serves each socket for the program that the file names now.
    fn put_sockets(&mut self, listeners: Vec<(Socket, Listener)>) {
        let host = &self.host;
        self.sockets.retain_mut(|open| {
            let kept = host.sockets.iter().find(|socket| socket.address == open.socket.address);
            match kept {
                Some(socket) => open.socket.clone_from(socket),
                None => open.listening.close(),
            }
            kept.is_some()
        });
        for open in &self.sockets {
            open.admission.set(self.programs_of(&open.socket));
        }
        for (socket, listener) in listeners {
            self.serve_socket(socket, listener);
        }
    }
}

/// Fails if something changed that a reload cannot change.
fn check_fixed(old: &Host, new: &Host) -> Result<(), HostingError> {
    let fixed = |what: String| Err(HostingError::Fixed { what });
    let (was, is) = (&old.settings, &new.settings);
    for (what, is_same) in [
        ("engine", was.engine == is.engine),
        ("control", was.control == is.control),
        ("metrics", was.metrics == is.metrics),
        ("grace", was.grace == is.grace),
        ("body_timeout", was.body_timeout == is.body_timeout),
        ("max_connections", was.max_connections == is.max_connections),
    ] {
        if !is_same {
            return fixed(what.to_owned());
        }
    }
    for socket in &new.sockets {
        let was = old.sockets.iter().find(|known| known.address == socket.address);
        let Some(was) = was.map(|was| &was.settings) else { continue };
        let is = &socket.settings;
        for (what, is_same) in [
            // Which one it would be without the key is not known any more.
            ("owner", was.owner.is_none() || is.owner.is_some()),
            ("group", was.group.is_none() || is.group.is_some()),
            ("allow_host", was.hosts == is.hosts),
            ("insecure_tcp", was.anywhere == is.anywhere),
            ("the files for TLS", was.tls == is.tls),
        ] {
            if !is_same {
                return fixed(format!("{what} of {}", socket.address));
            }
        }
    }
    for (name, program) in &new.programs {
        let Some(was) = old.programs.get(name) else { continue };
        for (what, is_same) in
            [("own", was.own == program.own), ("audit_log", was.audit_log == program.audit_log)]
        {
            if !is_same {
                return fixed(format!("{what} of program \"{name}\""));
            }
        }
    }
    Ok(())
}
