use crate::support::World;

#[test]
fn an_engine_or_a_dsp_before_one_is_healthy_as_long_as_it_answers() {
    let mut world = World::sample();
    let done = world.dsp(&["health"]);
    assert_eq!((done.status, done.out.as_str(), done.err.as_str()), (0, "", ""));

    world.write("p.yaml", "version: 1\nname: p\nallow:\n  - GET /info\n");
    world.write("pings.yaml", "version: 1\nname: p\nallow:\n  - GET /_ping\n");
    let host = format!("--host=unix://{}", world.path("p.sock").display());
    {
        let _server = world.serve(&["enforce", "p.yaml"]);
        assert_eq!(world.dsp(&["health", &host]).status, 0, "it decides, if against the ping");
    }
    let _server = world.serve(&["enforce", "pings.yaml"]);
    assert_eq!(world.dsp(&["health", &host]).status, 0);
    world.stop_engine();
    let done = world.dsp(&["health", &host]);
    assert_eq!(done.status, 1);
    insta::assert_snapshot!(done.err, @"error: unix://[DIR]/p.sock: it answers 502 Bad Gateway (dsp: cannot reach the engine at unix://[DIR]/e.sock: No such file or directory (os error 2))");
    let done = world.dsp(&["health"]);
    insta::assert_snapshot!(done.err, @"error: unix://[DIR]/e.sock: there is no such socket");
}
