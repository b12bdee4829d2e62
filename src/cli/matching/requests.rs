//! Reads the requests on the command line or in a file, with their bodies.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Args;
use crate::cases::{Case, Misread, WrittenBody, parse_request, read};
use crate::cli::hint::Hinted;
use crate::cli::misuse::misuse;
use crate::cli::standard;
use crate::contents::LONGEST_BODY;
use crate::text::shown;

/// The size limit, in bytes, of a file with requests.
const LONGEST_FILE: u64 = 16 << 20;

/// A request with its body.
pub(super) struct Asked {
    pub(super) case: Case,
    pub(super) body: Option<Vec<u8>>,
    /// Whether it comes from a file, so that its line means something.
    pub(super) has_line: bool,
}

/// A line of a file is not a request.
#[derive(Debug, thiserror::Error)]
#[error("{}: {misread}", shown(path))]
pub(in crate::cli) struct NotRequests {
    pub(in crate::cli) path: PathBuf,
    pub(in crate::cli) text: String,
    pub(in crate::cli) misread: Misread,
}

impl Args {
    /// The requests on the command line or in the file.
    pub(super) fn asked(&self) -> anyhow::Result<Vec<Asked>> {
        let line = self.requests.to_str().and_then(parse_request);
        if let Some((method, target)) = line {
            let body = self.body.as_deref().map(WrittenBody::parse).unwrap_or_default();
            let body = read_body(&body, Path::new(""))?;
            let (method, target) = (method.to_owned(), target.to_owned());
            let case = Case {
                line: 1,
                span: 0..0,
                expected: None,
                method,
                target,
                body: WrittenBody::None,
            };
            return Ok(vec![Asked { case, body, has_line: false }]);
        }
        if self.body.is_some() {
            misuse!(
                "--body is for one request; in a file, the body follows the request on its line"
            );
        }
        let text = read_requests(&self.requests)?;
        let cases = match read(&text) {
            Ok(cases) => cases,
            Err(misread) => {
                let path = standard::name(&self.requests).to_owned();
                return Err(NotRequests { path, text, misread }.into());
            }
        };
        let folder = self.requests.parent().unwrap_or(Path::new(""));
        let asked = cases.into_iter().map(|case| {
            let place = || format!("{}:{}", shown(standard::name(&self.requests)), case.line);
            let body = read_body(&case.body, folder).with_context(place)?;
            Ok(Asked { case, body, has_line: true })
        });
        let asked = asked.collect::<anyhow::Result<Vec<_>>>()?;
        if asked.is_empty() {
            let message = format!("{} has no requests", shown(standard::name(&self.requests)));
            let help = "write one on each line, such as: allow GET /containers/json".to_owned();
            return Err(Hinted { message, help }.into());
        }
        Ok(asked)
    }
}

/// The text of a file of requests.
fn read_requests(path: &Path) -> anyhow::Result<String> {
    let name = shown(standard::name(path)).to_string();
    let bytes = standard::open(path).and_then(|file| standard::read_at_most(file, LONGEST_FILE));
    let bytes = bytes.map_err(|error| Hinted {
        message: format!("cannot read requests from {name}: {error}"),
        help: "a request on the command line is written as 'METHOD /path'".to_owned(),
    })?;
    let text =
        String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{name} is not valid UTF-8"))?;
    if text.starts_with("{\"") {
        let message = format!("{name} is not a list of requests; it looks like a recording");
        let help = "compare recordings with dsp check".to_owned();
        return Err(Hinted { message, help }.into());
    }
    Ok(text)
}

/// The bytes of a body. Files are looked for in `folder`.
fn read_body(body: &WrittenBody, folder: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    let file = match body {
        WrittenBody::None => return Ok(None),
        WrittenBody::Text(text) => return Ok(Some(text.clone().into_bytes())),
        WrittenBody::File(file) => folder.join(file),
    };
    // dsp reads at most that much before it decides.
    let most = u64::try_from(LONGEST_BODY).unwrap_or(u64::MAX);
    let bytes = File::open(&file).and_then(|opened| standard::read_at_most(opened, most));
    bytes.map(Some).with_context(|| format!("cannot read the body {}", shown(&file)))
}
