use super::{Container, real_or_return};
use crate::readme;

#[test]
fn what_needs_an_engine_is_as_the_documents_say() {
    let world = real_or_return!();
    let _web = Container::run(&world, "web", "sleep 1000");
    let _db = Container::run(&world, "db", "sleep 1000");
    readme::on_the_engine();
}
