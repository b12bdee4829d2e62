//! The known ways to the host, or to what belongs to others, that the profile leaves open.

use maud::{Markup, html};

use crate::escapes::{Concern, by_rule, left_open, of};
use crate::profile::Profile;
use crate::report::{count, printable};

pub(super) fn section(profile: &Profile) -> Markup {
    let open = left_open(profile);
    let all = of(profile.engine).count();
    let closed_by = |concern| open.iter().filter(|one| one.escape.concern == concern).count();
    let ways = [
        (Concern::Contents, "can be closed by saying what requests may contain"),
        (Concern::Owner, "only by names that nobody else's objects have"),
        (Concern::Operation, "only by leaving the rule out"),
    ];
    html! {
        section aria-labelledby="escapes" {
            h2 id="escapes" { "What it leaves open" }
            @if open.is_empty() {
                p { "None of the " (count(all, "known way")) " to the host, or to what belongs to others." }
            } @else {
                p {
                    strong { (open.len()) } " of " (count(all, "known way"))
                    " to the host, or to what belongs to others."
                }
                ul { @for (concern, how) in ways {
                    @let number = closed_by(concern);
                    @if number > 0 { li { (number) " " (how) "." } }
                } }
                @for (rule, ways) in by_rule(&open) {
                    details {
                        summary {
                            code { (printable(&rule.without_contents().to_string())) }
                            " leaves " (ways.len()) " open"
                        }
                        ul { @for one in ways {
                            li { strong { (one.escape.gives) } ": the request " (one.escape.effect) }
                        } }
                    }
                }
            }
        }
    }
}
