//! Reviews of rules with contents, key by key.

use crate::profile::parse;
use crate::review::tests::{press, session, shown};

const CONTENTS: &str = "version: 1\nname: ci\nallow:\n  - POST /containers/create:  # ours\n      image:\n        \
    - alpine:3\n      mounts:\n        - /etc\n        - /srv\n        - ci-*  # volumes\n  - GET /info\n";

#[test]
fn values_are_decided_one_by_one_riskiest_first() {
    let after = |keys: &str| {
        let mut session = session(CONTENTS);
        press(&mut session, keys);
        shown(&session)
    };
    insta::assert_snapshot!("a_rule_with_contents", after(""));
    insta::assert_snapshot!("values", after("v"));
    insta::assert_snapshot!("a_value_typed", after("v<down><down>g<clear>ci-a*"));
    let text = |keys: &str| {
        let mut session = session(CONTENTS);
        press(&mut session, keys);
        let text = session.draft().text().to_owned();
        text.split("reviewed:").next().unwrap().to_owned()
    };
    assert_eq!(text("vx"), CONTENTS.replace("        - /etc\n", ""));
    let denied = "deny:\n  - POST /containers/create:\n      mounts:\n        - /etc\n";
    assert_eq!(text("vd"), CONTENTS.replace("        - /etc\n", "") + denied);
    let (mounts, end) =
        ("      mounts:\n        - /etc\n        - /srv\n        - ci-*  # volumes\n", "  - GET");
    assert_eq!(text("vo"), CONTENTS.replace(mounts, "      mounts: any\n"));
    assert_eq!(text("vf"), CONTENTS.replace(mounts, ""));
    assert_eq!(
        text("vog<clear>/srv/data<enter>"),
        CONTENTS.replace(mounts, "      mounts:\n        - /srv/data\n")
    );
    assert_eq!(text("vg"), CONTENTS, "a value without a star cannot be narrowed");
    assert_eq!(
        text("vxxxx"),
        CONTENTS.replace(
            &CONTENTS[CONTENTS.find("create:").unwrap()..CONTENTS.find(end).unwrap()],
            "create: {}  # ours\n"
        )
    );
    assert_eq!(text("vxb"), CONTENTS, "taken back");
    // What is kept is kept with its contents.
    let mut session = session(CONTENTS);
    press(&mut session, "vx<esc>k");
    let reviewed = session.draft().profile().reviewed.clone().unwrap();
    assert_eq!(
        reviewed.kept[0].value.rule.to_string(),
        "POST /containers/create: {image: [\"alpine:3\"], mounts: [\"/srv\", \"ci-*\"]}"
    );
    assert_eq!(reviewed.kept[0].value.risk.as_str(), "change");
}

#[test]
fn a_value_that_is_added_by_hand_is_open_until_it_is_reviewed() {
    let mut session = session(CONTENTS);
    press(&mut session, "kk");
    let text = session.draft().text().to_owned();
    assert!(session.draft().profile().standing().is_reviewed(), "{text}");
    let less = text.replacen("        - /srv\n", "", 1);
    assert!(parse(&less).unwrap().standing().is_reviewed(), "less needs no review");
    let more = text.replacen("        - /srv\n", "        - /srv\n        - /root\n", 1);
    let standing = parse(&more).unwrap().standing();
    assert_eq!(standing.open.iter().map(|open| open.place).collect::<Vec<_>>(), [0]);
    let again = shown(&crate::review::tests::session(&more));
    assert!(again.contains("new        mounts gains /root"), "{again}");
    let plain = more.replacen("create:  # ours", "create  # ours", 1);
    assert!(parse(&plain).is_err(), "a line has no values below it");
}
