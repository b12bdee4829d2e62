use super::ends::{Pair, put_tls_of};
use super::engine::TlsWorld;
use crate::support::left_out;

/// The commands below a heading of `docs/tls.md`, up to the end of the first block.
fn commands(heading: &str) -> String {
    let text = std::fs::read_to_string("docs/tls.md").unwrap();
    let below = text.split(heading).nth(1).unwrap();
    below.split("```sh\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_certificates_of_the_documents_work() {
    if std::process::Command::new("openssl").arg("version").output().is_err() {
        left_out("openssl is missing");
        return;
    }
    let mut tls = TlsWorld::new();
    let done = tls.world.shell(&format!("set -e\n{}", commands("## Making certificates")));
    assert_eq!(done.status, 0, "{}", done.err);
    let own = Pair {
        certificate: tls.world.path("server-cert.pem"),
        key: tls.world.path("server-key.pem"),
    };
    let socket = tls.world.path("e.sock");
    let clients = super::ends::store(&tls.world.path("ca.pem"));
    let port = put_tls_of(&tls.runtime, &socket, &own, Some(clients), rustls::ALL_VERSIONS);
    tls.world.host = format!("tcp://127.0.0.1:{port}");
    let done = tls.dsp("", &["health"]);
    assert_eq!((done.status, done.err.as_str()), (0, ""));
}
