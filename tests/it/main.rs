//! The integration tests, in one binary: each module covers one command or one promise.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test that meets the unexpected has to fail"
)]

/// The steps of `action.yml`, with inputs and files that an attacker chose.
mod action;
/// `dsp adopt`: the configuration of other proxies.
mod adopt;
/// What can be hidden in answers, and the engine's own types.
mod answers;
/// Every argument of every command: what it conflicts with, and what `-` means for it.
mod arguments;
/// Questions at the terminal, their options for scripts, and what ends them.
mod ask;
/// Attempts to get past dsp, byte by byte.
mod attempts;
/// `enforce --audit-log`: requests and decisions, as evidence.
mod audit_log;
/// Errors have a place and a hint, and nothing is lost.
mod bad_input;
/// `dsp check`: drift.
mod check;
/// The files of a folder use each other in one direction.
mod circles;
/// The built-in profiles compared with other proxies' presets.
mod comparison;
/// `dsp completions` and `dsp man`.
mod completions;
/// What is known about the contents of requests.
mod contents;
/// `dsp coverage`: have I recorded enough?
mod coverage;
/// A person's decisions are not lost, and no foreign file is overwritten.
mod decisions;
/// `dsp demo`: the whole loop.
mod demo;
/// `dsp diff`: what a change widens and narrows.
mod diff;
/// From drift to a decision.
mod drift;
/// `dsp enforce`: exactly the profile.
mod enforce;
/// `dsp escapes`: what a profile leaves open.
mod escapes;
/// `dsp explain`.
mod explain;
/// `dsp export`: a profile for other proxies.
mod export;
/// The committed recordings and profiles.
mod fixtures;
/// The files of `docs/fleet.md`.
mod fleet;
/// `record --follow`: containers under their names.
mod follow;
/// The formats of reports.
mod formats;
/// The corpora of the fuzz targets.
mod fuzz_corpus;
/// `dsp generate`: recordings to a profile.
mod generate;
/// `dsp health`.
mod health;
/// The help of every command.
mod help;
/// Wrong first steps.
mod hints;
/// `--intercept`: programs that only use the usual socket.
mod intercept;
/// The modules use only what the architecture permits.
mod layering;
/// Links and citations lead to something.
mod links;
/// `--from`: the logs of other programs.
mod logs;
/// `dsp match`.
mod matching;
/// `docs/monitoring`: metrics, alerts and a dashboard.
mod monitoring;
/// Real HAProxy, nginx and Caddy with an exported file.
mod other_proxies;
/// `dsp profiles` and `builtin:`.
mod package;
mod profiles;
/// What `generate` promises.
mod proof;
/// The proxy on the wire, with raw sockets.
mod proxy;
/// The README and `docs`, executed.
mod readme;
/// What users do, with a real engine.
mod real_engine;
/// `dsp record`: a command and a listener.
mod record;
/// Engines of other Debian releases, fetched by `scripts/releases`.
mod releases;
/// `enforce` and a changing profile.
mod reload;
/// `dsp report`: the page for people, in a browser too.
mod report;
/// `dsp review`: a person decides.
mod review;
/// `dsp schema`: completion and errors in editors.
mod schema;
/// What the project's own scripts may do to a machine.
mod scripts;
/// The promises of `SECURITY.md`.
mod security;
/// `dsp serve`: several programs in one process.
mod serve;
/// `dsp show`.
mod show;
/// Readers of stderr and of the audit log that stall.
mod stalled;
/// The exit statuses of every command.
mod statuses;
/// Bodies that can be read in two ways.
mod strange;
/// Shared by the tests.
mod support;
/// Replacing another proxy step by step.
mod tecnativa;
/// Terminal manners, in a real pseudo-terminal.
mod terminal;
/// TLS to the engine and on listeners, and engines through ssh.
mod tls;
/// Logs and traces of programs without a fixture.
mod traces;
/// A pseudo-terminal and its screen.
mod tty;
/// `dsp validate`.
mod validate;
/// `dsp verify`.
mod verify;
/// `record --whole-host`: the place of the engine's socket.
mod whole_host;
/// The programs that were recorded for profiles.
mod workloads;
