//! Writes a new host file.

use std::fmt::Write;

use crate::profile::Name;
use crate::yaml::{double_quoted, quoted_if_needed, value};

/// How the file begins.
pub const HEAD: &str = "# The programs of a host, made by dsp generate.";

/// Where the programs of a new file connect. Everyone may open the socket, because the rules about clients say
/// who gets in.
const LISTEN: &str = "unix:///run/dsp/docker.sock";
const MODE: &str = "666";

/// A program to write.
#[derive(Clone, Copy, Debug)]
pub struct ProgramToWrite<'a> {
    /// Its name.
    pub name: &'a Name,
    /// The file of its profile, from the folder of the host file.
    pub profile: &'a str,
    /// The rule that its clients match: the key and the value.
    pub client: (&'static str, &'a str),
}

/// A host file in which these programs share one socket, and a rule about clients tells them apart.
#[must_use]
pub fn emit(programs: &[ProgramToWrite<'_>]) -> String {
    let mut text = format!(
        "{HEAD} Review each profile, and check the file:\n\
         #   dsp serve dsp.yaml --check\n\
         # The socket is in the place of the engine's: mount it into containers as /var/run/docker.sock.\n\
         version: 1\nprograms:\n"
    );
    for (place, ProgramToWrite { name, profile, client: (key, client) }) in
        programs.iter().enumerate()
    {
        let name = quoted_if_needed(name.as_str());
        let listen = match place {
            0 => format!("{{ address: {LISTEN}, mode: {} }}", double_quoted(MODE)),
            _ => LISTEN.to_owned(),
        };
        let (profile, client) = (value(profile), value(client));
        let _ = write!(
            text,
            "  {name}:\n    profile: {profile}\n    listen: {listen}\n    clients:\n      - {key}: {client}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::parse;

    #[test]
    fn what_is_written_is_read_as_it_was_meant() {
        let names = ["traefik", "0123", "true", "a.b"].map(|name| Name::parse(name).unwrap());
        let clients = [
            ("container", "name:0123456789ab"),
            ("container", "shop/front"),
            ("unit", "user@7.service/x-1.service"),
            ("login", "a \"b\": #c"),
        ];
        let programs: Vec<_> = names
            .iter()
            .zip(clients)
            .map(|(name, client)| ProgramToWrite { name, profile: "0.yaml", client })
            .collect();
        let text = emit(&programs);
        let host = parse(&text, std::path::Path::new("/etc/dsp")).unwrap();
        assert!(host.programs.keys().eq(&names));
        let rules = |name: usize| &host.programs[&names[name]].clients;
        assert_eq!(rules(0).others.containers[0].to_string(), "name:0123456789ab");
        assert_eq!(rules(1).others.containers[0].to_string(), "shop/front");
        assert_eq!(rules(2).others.units[0].to_string(), "user@7.service/x-1.service");
        assert_eq!(rules(3).logins, ["a \"b\": #c"]);
        assert_eq!(host.sockets.len(), 1);
        assert_eq!(host.sockets[0].settings.mode, Some(0o666));
        insta::assert_snapshot!(emit(&programs[..2]), @r#"
        # The programs of a host, made by dsp generate. Review each profile, and check the file:
        #   dsp serve dsp.yaml --check
        # The socket is in the place of the engine's: mount it into containers as /var/run/docker.sock.
        version: 1
        programs:
          traefik:
            profile: "0.yaml"
            listen: { address: unix:///run/dsp/docker.sock, mode: "666" }
            clients:
              - container: name:0123456789ab
          "0123":
            profile: "0.yaml"
            listen: unix:///run/dsp/docker.sock
            clients:
              - container: shop/front
        "#);
    }
}
