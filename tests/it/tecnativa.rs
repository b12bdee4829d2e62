//! `docs/tecnativa.md`: its table of toggles is made from `docs/sections.tsv`. `DSP_README=write` makes it
//! again. Its commands are run by `readme`, and the file of `dsp serve` is read by `schema`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::comparison::{Operations, Sections, filled, in_words, passing, sections, table, text};

const PAGE: &str = "docs/tecnativa.md";
const POST: &str = "POST";

/// The toggles that open operations, in the order of the alphabet.
fn toggles(sections: &Sections) -> BTreeSet<String> {
    let all = sections.values().flatten().flatten();
    all.filter(|toggle| *toggle != POST).cloned().collect()
}

fn opened(sections: &Sections, on: &[&str]) -> Operations {
    passing(sections, &on.iter().map(|toggle| (*toggle).to_owned()).collect())
}

fn row(sections: &Sections, toggle: &str) -> Vec<String> {
    let reads = opened(sections, &[toggle]);
    let with_post = opened(sections, &[toggle, POST]);
    let added: Operations = with_post.difference(&reads).copied().collect();
    let cell = |operations: Operations| match operations.len() {
        0 => "nothing".to_owned(),
        count => format!("{count}: {}", in_words(operations)),
    };
    vec![format!("`{toggle}`"), cell(reads), cell(added)]
}

#[test]
fn the_table_of_toggles_is_what_the_proxy_lets_through() {
    let proxies = sections();
    let tecnativa = &proxies["Tecnativa"];
    let rows = toggles(tecnativa).iter().map(|toggle| row(tecnativa, toggle)).collect();
    let table = table(&["toggle", "lets through", "with `POST=1` also"], rows);
    let should = filled(&text(PAGE), "toggles", &table);
    if std::env::var("DSP_README").is_ok_and(|value| value == "write") {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE), &should).unwrap();
    }
    assert!(should == text(PAGE), "DSP_README=write writes {PAGE} again");
}

/// What the page says about `POST=0`.
#[test]
fn containers_without_post_are_not_read_only() {
    let proxies = sections();
    let open = opened(&proxies["Tecnativa"], &["CONTAINERS"]);
    for name in ["ContainerArchive", "ContainerExport", "ContainerAttachWebsocket"] {
        assert!(open.contains(name), "{name}");
    }
}
