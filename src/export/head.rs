//! The comment at the head of an exported file.

use super::grant::Policy;

/// The widest line of a comment.
const WIDTH: usize = 96;

/// The parts of the comment, for any format.
pub(super) struct Head<'a> {
    /// The marker that begins a comment line.
    pub(super) mark: &'a str,
    /// What the file is.
    pub(super) what: &'a str,
    /// How to run it. These lines are not wrapped.
    pub(super) run: &'a [&'a str],
    /// Where the proxy decides differently from `dsp enforce`, and what it cannot check.
    pub(super) differs: &'a [&'a str],
}

impl Head<'_> {
    /// The comment, ending in a line break.
    pub(super) fn write(&self, policy: &Policy) -> String {
        let what =
            format!("{}, with the policy of the dsp profile \"{}\".", self.what, policy.name);
        let mut text = self.paragraph(&what, "", "");
        for line in self.run {
            text += &format!("{}   {line}\n", self.mark);
        }
        let version = format!(
            "Requests may have no API version, or version {} or later. Differences from dsp enforce:",
            policy.min_api
        );
        text += &format!("{}\n{}", self.mark, self.paragraph(&version, "", ""));
        if !policy.left_out.is_empty() {
            let rules = policy.left_out.join(", ");
            let left_out = format!(
                "Left out, and so denied: {rules}. The profile says what these requests may contain or \
                 what their answers hide, and this proxy reads neither."
            );
            text += &self.paragraph(&left_out, "- ", "  ");
        }
        for line in self.differs {
            text += &self.paragraph(line, "- ", "  ");
        }
        text
    }

    fn paragraph(&self, text: &str, first: &str, further: &str) -> String {
        let mut lines = vec![first.to_owned()];
        for word in text.split(' ') {
            let line = lines.last_mut();
            match line {
                Some(line) if line.len() + word.len() < WIDTH => {
                    if !line.ends_with(' ') && !line.is_empty() {
                        line.push(' ');
                    }
                    line.push_str(word);
                }
                _ => lines.push(format!("{further}{word}")),
            }
        }
        lines.iter().map(|line| format!("{} {line}\n", self.mark)).collect()
    }
}

/// The body of a denial, whose message the docker CLI prints. The name of a profile contains
/// nothing that JSON would escape.
pub(super) fn denial(policy: &Policy) -> String {
    format!(r#"{{"message":"not allowed by profile {}"}}"#, policy.name)
}
