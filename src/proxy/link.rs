//! What the two ends of one client's way to the engine have to tell each other.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

use atomic_waker::AtomicWaker;

use crate::api::Flaw;

/// What both ends know of the request under way.
#[derive(Debug, Default)]
pub(super) struct Link {
    stage: AtomicU8,
    /// How many requests have been received and answered.
    answered: AtomicU64,
    /// What is wrong with the head of the request that comes next.
    flawed: Mutex<Option<Flawed>>,
    /// Method and target of the request that is being answered.
    asked: Mutex<Option<(String, String)>>,
    client_ended: AtomicBool,
    client_unflushed: AtomicBool,
    engine_deaf: AtomicBool,
    /// The client's connection, waiting for its next bytes.
    client: AtomicWaker,
    /// A request's body, waiting for its next piece.
    upload: AtomicWaker,
    /// The engine's connection.
    engine: AtomicWaker,
}

/// A head that is not in order, as far as it can be told of.
#[derive(Debug)]
pub(super) struct Flawed {
    pub(super) flaw: Flaw,
    pub(super) method: String,
    pub(super) target: String,
}

/// A request is being read or answered.
const BEGUN: u8 = 1;
/// All of it has been received.
const RECEIVED: u8 = 2;
/// The engine's connection has it.
const HANDED: u8 = 4;
/// The answer has ended.
const ANSWERED: u8 = 8;
/// The client ended in the middle of it.
const TRUNCATED: u8 = 16;

impl Link {
    /// The head of a request has arrived, and perhaps that was all.
    pub(super) fn begin(&self, is_whole: bool) {
        self.stage.store(if is_whole { BEGUN | RECEIVED } else { BEGUN }, Ordering::Release);
    }

    /// The whole request has arrived.
    pub(super) fn received(&self) {
        if self.stage.fetch_or(RECEIVED, Ordering::AcqRel) & ANSWERED != 0 {
            self.end_exchange();
        }
        self.wake_engine();
    }

    /// The engine's connection has the request, or has given it back.
    pub(super) fn handed(&self, is_handed: bool) {
        if is_handed {
            self.stage.fetch_or(HANDED, Ordering::AcqRel);
            self.wake_engine();
        } else {
            self.stage.fetch_and(!HANDED, Ordering::AcqRel);
        }
    }

    /// The answer has been given, or will not be.
    pub(super) fn done(&self) {
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if self.stage.fetch_or(ANSWERED, Ordering::AcqRel) & RECEIVED != 0 {
            self.end_exchange();
        }
    }

    fn end_exchange(&self) {
        self.stage.store(0, Ordering::Release);
        self.answered.fetch_add(1, Ordering::AcqRel);
        self.client.wake();
    }

    /// Whether no request is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.is(BEGUN)
    }

    /// A request goes to the engine.
    pub(super) fn ask(&self, method: &str, target: &str) {
        let asked = Some((method.to_owned(), target.to_owned()));
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
    }

    /// Method and target of the request that the engine is answering.
    pub(super) fn asked(&self) -> Option<(String, String)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many requests have been received and answered.
    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Acquire)
    }

    /// The head of the next request is flawed.
    pub(super) fn set_flawed(&self, flawed: Flawed) {
        *self.flawed.lock().unwrap_or_else(PoisonError::into_inner) = Some(flawed);
    }

    /// What is wrong with the head of the request that has come.
    pub(super) fn take_flawed(&self) -> Option<Flawed> {
        self.flawed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the client's direction has ended; the one who waits for a piece of a request's body
    /// asks before it looks for one, and is woken when this changes.
    pub(super) fn has_client_ended(&self, upload: &Waker) -> bool {
        self.upload.register(upload);
        self.client_ended()
    }

    /// The client's direction has ended, and there was no more of the request's body.
    pub(super) fn truncated(&self) {
        self.stage.fetch_or(TRUNCATED, Ordering::AcqRel);
        self.client.wake();
    }

    /// Whether bytes for the client still wait to be written.
    pub(super) fn client_unflushed(&self) -> bool {
        self.client_unflushed.load(Ordering::Relaxed)
    }

    /// Whether part of the last request was left unread.
    pub(super) fn unread(&self) -> bool {
        self.is(BEGUN) && !self.is(RECEIVED)
    }

    /// Whether the engine's connection refused to take more bytes than it had.
    pub(super) fn engine_deaf(&self) -> bool {
        self.engine_deaf.load(Ordering::Acquire)
    }

    /// Whether a request waits for an answer which it may still get. The client's connection is
    /// woken when that changes.
    pub(super) fn is_answering(&self, client: &Waker) -> bool {
        self.client.register(client);
        self.stage.load(Ordering::Acquire) & (BEGUN | ANSWERED | TRUNCATED) == BEGUN
    }

    /// The client's connection is woken when a request has been answered.
    pub(super) fn register_client(&self, client: &Waker) {
        self.client.register(client);
    }

    /// The client's direction has ended.
    pub(super) fn end_client(&self) {
        if !self.client_ended.swap(true, Ordering::AcqRel) {
            self.upload.wake();
            self.engine.wake();
        }
    }

    /// Whether the engine has to hear of the client's end: it has the whole request.
    pub(super) fn engine_has_to_hear(&self) -> bool {
        self.client_ended() && self.is(RECEIVED | HANDED)
    }

    /// The engine's connection is woken when there may be something to hear.
    pub(super) fn register_engine(&self, engine: &Waker) {
        self.engine.register(engine);
    }

    /// Whether the client's connection has bytes that it could not write yet.
    pub(super) fn set_client_unflushed(&self, is_unflushed: bool) {
        self.client_unflushed.store(is_unflushed, Ordering::Relaxed);
    }

    /// Has the client's connection look again.
    pub(super) fn wake_client(&self) {
        self.client.wake();
    }

    /// Whether the engine's connection takes no more bytes.
    pub(super) fn set_engine_deaf(&self, is_deaf: bool) {
        self.engine_deaf.store(is_deaf, Ordering::Release);
    }

    fn is(&self, stage: u8) -> bool {
        self.stage.load(Ordering::Acquire) & stage == stage
    }

    fn client_ended(&self) -> bool {
        self.client_ended.load(Ordering::Acquire)
    }

    fn wake_engine(&self) {
        if self.client_ended() {
            self.engine.wake();
        }
    }
}
