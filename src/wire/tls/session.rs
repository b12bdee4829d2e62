//! A TLS stream over TCP.
//!
//! rustls does no I/O: it turns plain text into records and back. So a byte that was written may still
//! be in this process. At most one write waits like that, because the next one first sends what the last
//! one left. Whoever polls the stream, for reading too, sends more of it.

use std::io::{self, Read as _, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::Connection;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::error::TlsError;

/// How many bytes of records wait for the socket at most.
const MOST_UNSENT: usize = 32 << 10;

/// A TLS stream.
#[derive(Debug)]
pub(crate) struct TlsStream {
    socket: TcpStream,
    session: Connection,
    /// This side has announced that it sends no more.
    has_closed: bool,
}

/// A TLS stream being moved from one runtime to another.
#[derive(Debug)]
pub(crate) struct RawTls {
    socket: std::net::TcpStream,
    session: Connection,
    has_closed: bool,
}

impl RawTls {
    /// Registers the stream with the current runtime.
    pub(crate) fn register(self) -> io::Result<TlsStream> {
        let Self { socket, session, has_closed } = self;
        Ok(TlsStream { socket: TcpStream::from_std(socket)?, session, has_closed })
    }
}

impl TlsStream {
    /// Begins a session. Nothing is sent yet.
    pub(super) fn new(socket: TcpStream, session: impl Into<Connection>) -> Self {
        let mut session = session.into();
        session.set_buffer_limit(Some(MOST_UNSENT));
        Self { socket, session, has_closed: false }
    }

    /// The certificate of the other side, if it has shown one.
    pub(super) fn peer_certificate(&self) -> Option<&CertificateDer<'static>> {
        self.session.peer_certificates()?.first()
    }

    /// Removes the stream from its runtime.
    pub(crate) fn into_raw(self) -> io::Result<RawTls> {
        let Self { socket, session, has_closed } = self;
        Ok(RawTls { socket: socket.into_std()?, session, has_closed })
    }

    /// The socket below it.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Advances the handshake, until both sides have agreed.
    pub(super) fn poll_handshake(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.is_handshaking() {
            ready!(self.poll_send(context))?;
            if !self.session.is_handshaking() {
                break;
            }
            if ready!(self.poll_receive(context))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        self.poll_send(context)
    }

    /// Sends all records that are ready.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let mut target = Target { socket: &mut self.socket, context };
            match self.session.write_tls(&mut target) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads records once, and decrypts those that are complete. Returns 0 at the end of the socket.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut source = Source { socket: &mut self.socket, context };
        let count = match self.session.read_tls(&mut source) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(error)),
        };
        if let Err(error) = self.session.process_new_packets() {
            // The other side learns why, if it still listens.
            let _ = self.poll_send(context);
            return Poll::Ready(Err(TlsError::of(error).into()));
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        // A failure to send shows when the next bytes are written, and the other side may have sent
        // something before it went.
        let _ = stream.poll_send(context);
        loop {
            match stream.session.reader().read(buffer.initialize_unfilled()) {
                // The end, which the other side has announced.
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
            ready!(stream.poll_receive(context))?;
            // Received records may call for an answer.
            let _ = stream.poll_send(context);
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        ready!(stream.poll_send(context))?;
        let count = stream.session.writer().write(bytes)?;
        if let Poll::Ready(Err(error)) = stream.poll_send(context) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        if !stream.has_closed {
            stream.has_closed = true;
            stream.session.send_close_notify();
        }
        ready!(stream.poll_send(context))?;
        Pin::new(&mut stream.socket).poll_shutdown(context)
    }
}

/// The socket as rustls reads from it.
struct Source<'a, 'b> {
    socket: &'a mut TcpStream,
    context: &'a mut Context<'b>,
}

impl io::Read for Source<'_, '_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(bytes);
        match Pin::new(&mut *self.socket).poll_read(self.context, &mut buffer) {
            Poll::Ready(read) => read.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// The socket as rustls writes to it.
struct Target<'a, 'b> {
    socket: &'a mut TcpStream,
    context: &'a mut Context<'b>,
}

impl Target<'_, '_> {
    fn done(written: Poll<io::Result<usize>>) -> io::Result<usize> {
        match written {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Target<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::done(Pin::new(&mut *self.socket).poll_write(self.context, bytes))
    }

    fn write_vectored(&mut self, buffers: &[io::IoSlice<'_>]) -> io::Result<usize> {
        Self::done(Pin::new(&mut *self.socket).poll_write_vectored(self.context, buffers))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
