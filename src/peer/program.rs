//! Which program of a host a client is.

use super::{Client, ContainerRule, Peer, UnitRule};

/// A program of a host, by the one rule that its clients match, and no other program's. Programs are as
/// large as rules can tell them apart: what a user runs in several shells is one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum HostProgram {
    /// A service of Compose, or a container that is not in one.
    Container(ContainerRule),
    /// A service of systemd.
    Unit(UnitRule),
    /// What a user started outside of these, by the number of the user. It includes the services of the
    /// user's own systemd, because the user can give any of them any name.
    Login(u32),
}

impl HostProgram {
    /// The program that a client is; `None` if where it runs is not known, or no rule can say it.
    #[must_use]
    pub fn of(client: &Client) -> Option<Self> {
        if client.is_hidden {
            return None;
        }
        if let Some(container) = &client.container {
            let service = container.service.as_ref();
            let service = service.and_then(|it| format!("service:{it}").parse().ok());
            let rule = service.or_else(|| format!("name:{}", container.name).parse().ok());
            return rule.map(Self::Container);
        }
        match (client.is_login, client.peer, &client.unit) {
            (true, Peer::Process { user, .. }, _) => Some(Self::Login(user)),
            (_, _, Some(unit)) => unit.to_string().parse().ok().map(Self::Unit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::{Clients, ComposeService, Container, ContainerId, Unit};

    fn user(user: u32) -> Client {
        Client::of(Peer::Process { user, group: 1, process: None })
    }

    fn in_container(name: &str, service: Option<(&str, &str)>) -> Client {
        let service = service.map(|(project, service)| ComposeService {
            project: project.to_owned(),
            service: service.to_owned(),
        });
        let id = ContainerId::parse(&"a".repeat(64)).unwrap();
        Client { container: Some(Container { id, name: name.to_owned(), service }), ..user(0) }
    }

    fn in_unit(name: &str, of_user: Option<&str>, is_login: bool) -> Client {
        let unit = Unit { name: name.into(), of_user: of_user.map(Into::into) };
        Client { unit: Some(unit), is_login, ..user(7) }
    }

    fn rules(program: HostProgram) -> Clients {
        match program {
            HostProgram::Container(rule) => {
                Clients { containers: vec![rule], ..Clients::default() }
            }
            HostProgram::Unit(rule) => Clients { units: vec![rule], ..Clients::default() },
            HostProgram::Login(user) => Clients { logins: vec![user], ..Clients::default() },
        }
    }

    #[test]
    fn each_program_has_a_rule_that_admits_it_and_none_of_the_others() {
        let clients = [
            in_container("web", None),
            in_container("0123456789ab", None),
            in_container("shop-front-1", Some(("shop", "front"))),
            in_unit("backup.service", None, false),
            in_unit("user@7.service", Some("app.service"), true),
            Client { is_login: true, ..user(0) },
        ];
        for client in &clients {
            let clients_of = rules(HostProgram::of(client).unwrap());
            let admitted: Vec<_> = clients.iter().filter(|it| clients_of.admits(it)).collect();
            assert_eq!(admitted, [client]);
        }
    }

    #[test]
    fn what_no_rule_can_name_is_no_program() {
        assert_eq!(HostProgram::of(&user(0)), None, "where it runs was not found out");
        let hidden = Client { is_hidden: true, ..in_unit("a.service", None, false) };
        assert_eq!(HostProgram::of(&hidden), None);
        assert_eq!(HostProgram::of(&in_container("a b", None)), None);
        assert_eq!(HostProgram::of(&in_unit("a b.service", None, false)), None);
        // Labels can be any text; the name is not.
        let odd = in_container("web", Some(("../x", "y\n")));
        let program = HostProgram::of(&odd).unwrap();
        assert!(
            matches!(&program, HostProgram::Container(ContainerRule::Name(name)) if name == "web")
        );
    }
}
