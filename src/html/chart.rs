//! Charts, as SVG in the page. A table next to each contains the same figures.

use maud::{Markup, html};

use crate::learn::SessionRow;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 30.0;
const TOP: f64 = 16.0;
const RIGHT: f64 = 16.0;

/// The number of operations after each session, and the number of new ones.
pub(super) fn saturation(sessions: &[SessionRow]) -> Markup {
    let most = sessions.last().map_or(0, |last| last.total).max(1);
    let step = (WIDTH - LEFT - RIGHT) / as_f64(sessions.len().max(1));
    let x = |place: usize| LEFT + step * (as_f64(place) + 0.5);
    let y = |value: usize| HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * as_f64(value) / as_f64(most);
    let points: Vec<String> = sessions
        .iter()
        .enumerate()
        .map(|(place, row)| format!("{:.1},{:.1}", x(place), y(row.total)))
        .collect();
    let bar = (step * 0.6).min(28.0);
    let base = HEIGHT - BOTTOM;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby="curve-title curve-text" {
            title id="curve-title" { "Operations over sessions" }
            desc id="curve-text" {
                "A line for the operations of all sessions so far, which flattens "
                "once enough is recorded, and a bar for the new ones in each session. It ends at " (most) "."
            }
            line.axis x1=(LEFT) y1=(base) x2=(WIDTH - RIGHT) y2=(base) {}
            line.axis x1=(LEFT) y1=(TOP) x2=(LEFT) y2=(base) {}
            text x=(LEFT - 6.0) y=(y(most) + 4.0) text-anchor="end" { (most) }
            text x=(LEFT - 6.0) y=(base + 4.0) text-anchor="end" { "0" }
            text x=(LEFT) y=(HEIGHT - 8.0) { "sessions in order of time: " (sessions.len()) }
            @for (place, row) in sessions.iter().enumerate() {
                @if row.new > 0 {
                    rect.new x=(format!("{:.1}", x(place) - bar / 2.0)) y=(format!("{:.1}", y(row.new)))
                        width=(format!("{bar:.1}")) height=(format!("{:.1}", base - y(row.new))) {}
                }
            }
            polyline.total points=(points.join(" ")) {}
            @for (place, row) in sessions.iter().enumerate() {
                circle.point cx=(format!("{:.1}", x(place))) cy=(format!("{:.1}", y(row.total))) r="3" {}
            }
        }
        p.soft { "The line: operations so far. The bars: new ones in each session." }
    }
}

fn as_f64(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
