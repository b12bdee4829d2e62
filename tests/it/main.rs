//! The integration tests, one binary: each module is one command or one promise.
