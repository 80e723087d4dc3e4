//! `evaluate --history`: how well the service did for its own people.

use serde_json::Value;

use crate::cli::Demo;

#[track_caller]
fn is_measured(figures: &Value, cases: u64, positives: u64) {
    assert_eq!(
        (&figures["cases"], &figures["positives"]),
        (&cases.into(), &positives.into()),
        "{figures}"
    );
    // Nobody asked those.
    assert!(figures["baselines"].is_null() && figures["query_ms"].is_null());
}

#[test]
fn what_people_decided_measures_what_was_proposed() {
    let demo = Demo::new();
    // Somebody answered the first one on the list, and named its report.
    let before = demo.json("evaluate --history");
    is_measured(&before, 1, 1);
    assert_eq!(before["recall_at_1"], 1.0, "{before}");

    // Whoever approves says the same once more.
    demo.run("approve 1 --yes").ok();
    let one = demo.json("evaluate --history");
    is_measured(&one, 1, 1);
    assert_eq!(one["tiers"]["strong"]["n"], 1, "{one}");

    // A new report was proposed for the fifth, and a person knew of an old one.
    demo.run("link 5 12").ok();
    let two = demo.json("evaluate --history");
    is_measured(&two, 2, 2);
    assert_eq!(two["recall_at_1"], 0.5, "{two}");
    assert_eq!(two["wrong_new"], 0.5, "{two}");

    let shown = demo.run("evaluate --history").ok();
    for part in [
        "failures that people decided on: 2 cases, 2 with a report",
        "50.0 %",
        "100.0 %",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn a_link_that_people_refused_is_a_false_one() {
    let demo = Demo::new();
    demo.run("reject 1 --reason another").ok();
    let figures = demo.json("evaluate --history");
    is_measured(&figures, 1, 0);
    assert_eq!(figures["false_links_where_none"], 1.0, "{figures}");
    assert_eq!(figures["tiers"]["strong"]["n"], 1, "{figures}");
    assert_eq!(figures["tiers"]["strong"]["precision"], 0.0, "{figures}");
}
