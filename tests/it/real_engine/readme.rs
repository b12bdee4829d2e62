use super::{Container, real_or_return};
use crate::readme;

#[test]
fn blocks_with_an_engine_match_the_documents() {
    let world = real_or_return!();
    let _web = Container::run(&world, "web", "sleep 1000");
    let _db = Container::run(&world, "db", "sleep 1000");
    readme::on_the_engine();
}
