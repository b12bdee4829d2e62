//! Where lines are written: a file, or a pipe whose reader may stall.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::OFlags;
use rustix::net::SendFlags;

/// How long to wait for a reader that stalls.
const PATIENCE: Duration = Duration::from_millis(500);

/// The most bytes that a pipe is sure to accept when it is ready for writing (`PIPE_BUF` of pipe(7)).
const PIECE: usize = 4096;

/// Where lines are written.
#[derive(Debug)]
pub(super) struct Outlet {
    file: File,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// Accepts all data as long as the disk has room.
    File,
    /// A socket, such as that of the journal.
    Socket,
    /// A pipe or a terminal.
    Stream,
}

/// The flag that opens a pipe so that writing to it does not block.
fn flags() -> i32 {
    i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default()
}

impl Outlet {
    /// An open file as it is.
    pub(super) fn of(file: File) -> Self {
        let kind = file.metadata().map(|found| found.file_type()).map_or(Kind::Stream, |found| {
            if found.is_file() {
                Kind::File
            } else if found.is_socket() {
                Kind::Socket
            } else {
                Kind::Stream
            }
        });
        Self { file, kind }
    }

    /// A file that others may have opened, such as stdout. A pipe or a terminal is opened again, because
    /// the open file is shared with programs that expect writes to block.
    pub(super) fn shared(file: File) -> Self {
        let outlet = Self::of(file);
        if outlet.kind != Kind::Stream {
            return outlet;
        }
        let path = format!("/proc/self/fd/{}", outlet.file.as_raw_fd());
        match OpenOptions::new().write(true).custom_flags(flags()).open(path) {
            Ok(own) => Self { file: own, ..outlet },
            Err(_) => outlet,
        }
    }

    #[cfg(test)]
    pub(super) fn into_file(self) -> File {
        self.file
    }

    /// Writes a line. If `is_patient`, waits up to half a second for a reader that stalls.
    pub(super) fn write(&mut self, mut line: &[u8], is_patient: bool) -> io::Result<()> {
        if self.kind == Kind::File {
            return match self.file.write(line)? {
                written if written == line.len() => Ok(()),
                _ => Err(io::ErrorKind::WriteZero.into()),
            };
        }
        let patience = if is_patient { PATIENCE } else { Duration::ZERO };
        let until = Instant::now() + patience;
        while !line.is_empty() {
            let left = until.saturating_duration_since(Instant::now());
            if !self.is_ready(left)? {
                return Err(io::ErrorKind::TimedOut.into());
            }
            match self.write_some(line) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => line = line.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // There is room for less than a whole piece, or another program was quicker.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if left.is_zero() {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    std::thread::sleep(left.min(Duration::from_millis(1)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.kind {
            Kind::Socket => {
                let flags = SendFlags::DONTWAIT;
                Ok(rustix::net::send(&self.file, bytes, flags)?)
            }
            _ => self.file.write(bytes.get(..PIECE).unwrap_or(bytes)),
        }
    }

    /// Waits until something can be written.
    fn is_ready(&self, most: Duration) -> io::Result<bool> {
        let limit = Timespec {
            tv_sec: i64::try_from(most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(most.subsec_nanos()),
        };
        let mut watched = [PollFd::new(&self.file, PollFlags::OUT)];
        match rustix::event::poll(&mut watched, Some(&limit)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_pipe_that_nobody_reads_is_an_error_in_time() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut outlet = Outlet::shared(File::from(std::os::fd::OwnedFd::from(writer)));
        let line = [b'x'; 1000];
        let start = Instant::now();
        let written = (0..1000).take_while(|_| outlet.write(&line, true).is_ok()).count();
        assert!(written >= 32, "{written}");
        assert!(start.elapsed() < 4 * PATIENCE, "{:?}", start.elapsed());
        let start = Instant::now();
        assert!(outlet.write(&line, false).is_err());
        assert!(start.elapsed() < PATIENCE, "it was not waited for");
        let mut room = vec![0; 32 << 10];
        reader.read_exact(&mut room).unwrap();
        outlet.write(&line, false).unwrap();
    }

    #[test]
    fn a_long_line_goes_through_a_pipe_whose_reader_reads() {
        let (mut reader, writer) = io::pipe().unwrap();
        let mut outlet = Outlet::shared(File::from(std::os::fd::OwnedFd::from(writer)));
        let read = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).map(|_| all.len())
        });
        outlet.write(&vec![b'x'; 300_000], true).unwrap();
        drop(outlet);
        assert_eq!(read.join().unwrap().unwrap(), 300_000);
    }

    #[test]
    fn a_socket_that_nobody_reads_is_an_error_in_time() {
        let (_reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut outlet = Outlet::shared(File::from(std::os::fd::OwnedFd::from(writer)));
        let line = [b'x'; 1000];
        let start = Instant::now();
        assert!((0..10_000).any(|_| outlet.write(&line, true).is_err()));
        assert!(start.elapsed() < 4 * PATIENCE, "{:?}", start.elapsed());
    }
}
