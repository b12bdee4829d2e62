//! A client connection: each request is decided on, reported, and forwarded or answered.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::local_response::Form;
use super::next::{Client, Event, Next};
use crate::http1::{Flaw, LONGEST_TARGET, RequestHead};
use crate::policy::{Body, Head, Permit, Request, Stray, Verdict};
use crate::proxy::load::control::Control;
use crate::proxy::load::memory::Share;
use crate::proxy::load::turns;
use crate::proxy::observe::Fault;
use crate::proxy::record::Record;
use crate::proxy::relaying::body_ahead::Ahead;
use crate::proxy::relaying::exchange::Finish;
use crate::proxy::relaying::relay::Transfer;
use crate::proxy::relaying::request_reader::{Arrived, Intake, words};
use crate::proxy::relaying::response::{Answer, Ending};
use crate::proxy::relaying::sending::{Asks, Sending};
use crate::proxy::relaying::tunnel::Tunnel;
use crate::proxy::relaying::upstream::{Upstream, UpstreamError};
use crate::proxy::service::Service;
use crate::proxy::shared::Shared;
use crate::proxy::streams::outbox::Outbox;
use crate::proxy::streams::scratch::{poll_read, trim};
use crate::proxy::streams::stream::Stream;
use crate::proxy::streams::timer::Timer;

/// How long a client may be idle between two requests. This is the engine's own limit (moby
/// daemon/command/daemon.go, `ReadHeaderTimeout`).
const IDLE_TIME: Duration = Duration::from_secs(5 * 60);

/// How long the head of a request may take after its first byte. Clients send a head at once.
const HEAD_TIME: Duration = Duration::from_secs(20);

/// A client connection and its connection to the engine.
pub(crate) struct Connection<R: Record> {
    /// What its requests go through.
    pub(crate) service: Arc<Service<R>>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) who: Client,
    pub(crate) control: Arc<Control>,
    pub(crate) client: Stream,
    pub(crate) intake: Intake,
    pub(crate) upstream: Upstream,
    pub(crate) to_engine: Outbox,
    pub(crate) to_client: Outbox,
    /// The head of the current request.
    pub(crate) head: Vec<u8>,
    pub(crate) timer: Timer,
    /// The memory that this connection uses.
    pub(crate) share: Share,
    is_strict: bool,
}

impl<R: Record> Connection<R> {
    pub(crate) fn new(
        service: Arc<Service<R>>,
        shared: Arc<Shared>,
        who: Client,
        control: Arc<Control>,
        client: Stream,
    ) -> Self {
        let is_strict = service.gate.refuses_flaws();
        let share = Share::new(Arc::clone(&control), Arc::clone(&shared.registry));
        Self {
            service,
            shared,
            who,
            control,
            client,
            intake: Intake::new(is_strict),
            upstream: Upstream::default(),
            to_engine: Outbox::default(),
            to_client: Outbox::default(),
            head: Vec::new(),
            timer: Timer::default(),
            share,
            is_strict,
        }
    }

    /// Answers requests until the connection ends.
    pub(crate) async fn serve(mut self) {
        let next = loop {
            let next = match poll_fn(|context| self.poll_arrival(context)).await {
                Event::Ended { is_between: true } => Next::End,
                // Forward the part that arrived, because the engine may answer it in its own way.
                Event::Ended { is_between: false } if !self.is_strict => {
                    let bytes = self.intake.take_all();
                    self.flawed(Flaw::Cut, bytes).await
                }
                Event::Ended { is_between: false } => Next::Linger,
                Event::Arrived(Arrived::Head(length)) => self.request(length).await,
                Event::Arrived(Arrived::Flawed(flaw)) => {
                    let bytes = self.intake.take_all();
                    self.flawed(flaw, bytes).await
                }
            };
            match next {
                Next::Request => self.rest(),
                ended => break ended,
            }
        };
        if next == Next::Linger {
            self.client.linger().await;
        }
    }

    /// Frees what only a request in progress needs.
    fn rest(&mut self) {
        self.to_engine.clear();
        self.to_client.clear();
        trim(&mut self.head);
    }

    /// The memory that its buffers use, in bytes.
    pub(crate) fn held(&self) -> usize {
        let buffers = self.intake.held() + self.head.capacity();
        buffers + self.to_engine.held() + self.to_client.held()
    }

    /// Waits for the head of a request.
    fn poll_arrival(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        loop {
            if !self.intake.is_between() {
                // Pipelined requests are not all answered in one turn.
                ready!(turns::poll_left(context));
            }
            if let Some(arrived) = self.intake.find_head() {
                self.timer.stop();
                return Poll::Ready(Event::Arrived(arrived));
            }
            let is_between = self.intake.is_between();
            if self.intake.has_ended() || (is_between && self.control.finishes()) {
                return Poll::Ready(Event::Ended { is_between });
            }
            let intake = &mut self.intake;
            match poll_read(&mut self.client, context, |bytes, _| intake.push(bytes)) {
                Poll::Ready(Ok(())) => {
                    if is_between {
                        // The idle limit ends here; the head has a limit of its own.
                        self.timer.stop();
                    }
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Ended { is_between: true }),
                Poll::Pending => break,
            }
        }
        self.upstream.poll_idle(context);
        self.share.settle(self.held());
        let is_between = self.intake.is_between();
        let limit = match (is_between, self.is_strict) {
            (true, _) | (false, false) => IDLE_TIME,
            (false, true) => HEAD_TIME,
        };
        if self.timer.poll(context, limit).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(if is_between || !self.is_strict {
            Event::Ended { is_between: true }
        } else {
            Event::Arrived(Arrived::Flawed(Flaw::TooSlow))
        })
    }

    /// Answers the request with the head that has arrived, of this length in bytes.
    async fn request(&mut self, length: usize) -> Next {
        let mut bytes = std::mem::take(&mut self.head);
        bytes.clear();
        self.intake.take(length, &mut bytes);
        let answered = match self.intake.read_head(&bytes) {
            Ok(head) => Ok(self.decide(&head).await),
            Err(flaw) => Err(flaw),
        };
        match answered {
            Ok(next) => {
                self.head = bytes;
                self.control.end();
                next
            }
            Err(flaw) => {
                bytes.append(&mut self.intake.take_all());
                self.flawed(flaw, bytes).await
            }
        }
    }

    async fn decide(&mut self, head: &RequestHead<'_>) -> Next {
        let has_body = head.has_body();
        let at = Instant::now();
        let mut asked = Request {
            head: Head {
                method: head.method(),
                target: head.target(),
                content_type: head.content_type(),
                flaw: head.flaw(),
            },
            body: if has_body { Body::Unread } else { Body::Absent },
            peer: self.who.peer,
        };
        let door = self.who.door.as_ref();
        let stray = door.and_then(|door| door.check(head.target(), head.headers()).err());
        let mut ahead = Ahead::NotAsked;
        let mut decision = self.ask(&asked);
        if let Verdict::ReadBody { at_most } = decision.verdict
            && stray.is_none()
        {
            // A reload does not wait for a body. After the body, the new gate is asked.
            self.control.decided(false);
            if !self.control.begin(true) {
                return Next::End;
            }
            ahead = self.read_ahead(head, at_most).await;
            asked.body = ahead.body();
            decision = self.ask(&asked);
        }
        let (verdict, finish) = self.tell(at, &asked, head.agent(), decision, stray);
        let is_head = head.method() == "HEAD";
        match verdict {
            Ok(permit) => self.forward(head, ahead, &permit, finish).await,
            Err(denial) => {
                let is_read = !has_body || (!head.expects() && self.drain().await);
                let is_old = head.is_old();
                let form = Form {
                    is_head,
                    is_old,
                    closes: !is_read || self.ends_behind(head.closes() || is_old),
                };
                self.deny(&denial, form, finish).await;
                Next::behind(form.closes, is_read)
            }
        }
    }

    /// Answers a malformed request. A gate that only watches has it forwarded as it is, together with
    /// everything that follows on this connection, because it is unknown where the next request begins.
    /// `bytes` are all bytes that have arrived.
    async fn flawed(&mut self, flaw: Flaw, bytes: Vec<u8>) -> Next {
        let (method, target) = words(&bytes);
        let asked = Request::new(&method, &target).with_flaw(flaw).from_peer(self.who.peer);
        let is_unread = self.who.door.is_some() && !self.is_strict;
        let stray = is_unread.then_some(Stray::Unread);
        let (at, decision) = (Instant::now(), self.ask(&asked));
        let (verdict, mut finish) = self.tell(at, &asked, None, decision, stray);
        match verdict {
            Err(denial) => {
                let form = Form { is_head: method == "HEAD", closes: true, ..Form::default() };
                self.deny(&denial, form, finish).await;
            }
            Ok(_) if !self.control.begin(false) => return Next::End,
            Ok(_) => match self.engine().await {
                Ok((engine, _)) => {
                    self.forwards_unread(Fault::Head(flaw));
                    finish.upgraded = true;
                    // No body can be read from it.
                    let _ = finish.rewrite(None);
                    let (share, held) = (&mut self.share, bytes.capacity());
                    let tunnel = Tunnel { engine, finish, share, held };
                    tunnel.run(&mut self.client, &bytes, Vec::new()).await;
                }
                Err(error) => {
                    let form = Form { closes: true, ..Form::default() };
                    self.answer(502, &format!("dsp: {error}"), form, finish).await;
                }
            },
        }
        self.control.end();
        Next::Linger
    }

    /// Sends a permitted request to the engine and forwards its answer.
    async fn forward(
        &mut self,
        head: &RequestHead<'_>,
        ahead: Ahead,
        permit: &Permit,
        mut finish: Finish<R>,
    ) -> Next {
        if !self.control.begin(head.has_body()) {
            return Next::End;
        }
        self.timer.stop();
        let replaced = self.rewrite(ahead, &mut finish);
        let has_body = head.has_body() && replaced.is_none();
        let asks = Asks::of(head, permit, has_body);
        let is_safe = asks.is_head || head.method() == "GET";
        if !permit.is_verbatim() && permit.target().len() > LONGEST_TARGET {
            return self
                .bad_gateway("the request target cannot be sent", asks, has_body, finish)
                .await;
        }
        self.share.settle(self.held() + head.held());
        if self.share.is_too_much() {
            let (status, message) = (503, "dsp: too many large requests are open; try again later");
            let form = Form { is_head: asks.is_head, is_old: asks.is_old, closes: true };
            self.answer(status, message, form, finish).await;
            return Next::Linger;
        }
        self.compose(head, permit, asks, replaced);
        loop {
            let (mut engine, is_reused) = match self.engine().await {
                Ok(taken) => taken,
                Err(error) => {
                    return self.bad_gateway(&error.to_string(), asks, has_body, finish).await;
                }
            };
            let mut transfer = Transfer {
                control: &self.control,
                client: &mut self.client,
                engine: &mut engine,
                intake: &mut self.intake,
                to_engine: &mut self.to_engine,
                to_client: &mut self.to_client,
                finish: &mut finish,
                asks,
                request: Sending::begin(has_body, head.trailer()),
                answer: Answer::default(),
                timer: &mut self.timer,
                patience: self.shared.limits().body.filter(|_| self.is_strict),
                moved: 0,
            };
            let share = &mut self.share;
            let ending = poll_fn(|context| {
                let polled = transfer.poll(context);
                if polled.is_pending() {
                    share.settle(transfer.held() + head.held());
                }
                polled
            })
            .await;
            let is_unanswered = transfer.answer.body.is_none();
            let can_be_repeated = transfer.can_be_repeated(is_safe);
            let is_whole = transfer.request.is_whole;
            if let Some(disorder) =
                finish.disorder().filter(|_| asks.is_verbatim && finish.upgraded)
            {
                self.forwards_unread(Fault::AfterHead(disorder));
            }
            return match ending {
                Ending::Answered { closes, keeps } => {
                    if keeps {
                        self.upstream.put(engine);
                    }
                    Next::behind(closes, is_whole)
                }
                Ending::Tunnel(first) => {
                    if self.flush().await.is_err() {
                        return Next::End;
                    }
                    // The rest of the request comes first.
                    let early = [self.to_engine.unsent(), self.intake.kept()].concat();
                    self.to_engine.clear();
                    drop(self.intake.take_all());
                    let (share, held) = (&mut self.share, head.held() + early.capacity());
                    let tunnel = Tunnel { engine, finish, share, held };
                    tunnel.run(&mut self.client, &early, first).await;
                    Next::Linger
                }
                Ending::Unanswered(_) if is_reused && can_be_repeated => {
                    self.to_engine.rewind();
                    continue;
                }
                // The client sees what it would have seen without dsp.
                Ending::Unanswered(error) if asks.is_verbatim => {
                    self.forwards_silence(&error);
                    Next::End
                }
                Ending::Unanswered(error) => {
                    let address = self.service.engine.clone();
                    let silent = UpstreamError::Silent { address, source: error };
                    self.bad_gateway(&silent.to_string(), asks, !is_whole, finish).await
                }
                Ending::Unusable(bad) => {
                    self.bad_gateway(&bad.to_string(), asks, !is_whole, finish).await
                }
                Ending::Stalled if is_unanswered => {
                    let form = Form { is_head: asks.is_head, is_old: asks.is_old, closes: true };
                    let seconds = self.shared.limits().body.unwrap_or_default().as_secs();
                    let message = format!("dsp: nothing came of the body for {seconds} s");
                    self.answer(408, &message, form, finish).await;
                    Next::Linger
                }
                Ending::Stalled | Ending::Broken => Next::Linger,
            };
        }
    }

    /// Puts together what goes to the engine before the rest of the client's body: the head, and the
    /// body that replaces the client's, if there is one.
    fn compose(
        &mut self,
        head: &RequestHead<'_>,
        permit: &Permit,
        asks: Asks,
        replaced: Option<Vec<u8>>,
    ) {
        let (length, out) = (replaced.as_ref().map(Vec::len), self.to_engine.room());
        if asks.is_verbatim {
            head.copy(length, out);
        } else {
            head.write(permit.target(), asks.upgrade, length, out);
        }
        out.extend(replaced.unwrap_or_default());
    }
}
