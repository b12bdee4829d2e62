//! The values of a rule on a screen.

use super::layout::{STRONG, styled, wrap};
use super::rows::{Body, For};
use super::session::Session;
use super::{Decision, Item, ValueChoice, narrowed_value, values};
use crate::report::printable;

impl Body {
    /// The values of a rule, and the effect of each key on the marked one.
    pub(super) fn values(
        &mut self,
        session: &Session,
        item: &Item,
        at: usize,
        typed: Option<&str>,
    ) {
        let Item::Rule { rule, .. } = item else { return };
        let all = values(rule);
        for (place, value) in all.iter().enumerate() {
            let mark = if place == at { '>' } else { ' ' };
            let text = value.value.as_ref().map_or("any", |value| value.as_str());
            let line = format!("{} {text} ({})", value.facet, value.risk);
            let lines = wrap(&printable(&line), self.columns, &format!("{mark} "), "    ");
            self.lines.extend(if place == at { styled(STRONG, &lines) } else { lines });
        }
        let Some(value) = all.get(at) else { return };
        self.blank();
        let decision = |edit| Decision::Contents { rule: rule.clone(), edit };
        if let Some(typed) = typed {
            match narrowed_value(value, typed) {
                Ok(edit) => {
                    self.effect(
                        session,
                        "It would change the file like this:",
                        Some(&decision(edit)),
                    );
                }
                Err(why) => self.text(&why),
            }
            return;
        }
        for choice in ValueChoice::ALL.into_iter().filter(|choice| choice.is_open(value)) {
            let front = format!("  {}  ", choice.key());
            self.lines.extend(wrap(&choice.text(value), self.columns, &front, "     "));
        }
        if self.shown == For::Screen
            && let Some(edit) =
                ValueChoice::Drop.edit(value).or_else(|| ValueChoice::DropFacet.edit(value))
        {
            self.blank();
            let lead = "Without it, the file would change like this:";
            self.effect(session, lead, Some(&decision(edit)));
        }
    }
}
