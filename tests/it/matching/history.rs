//! `evaluate --history`: how well the service did for its own people.

use crate::cli::Demo;

#[test]
fn what_people_decided_measures_what_was_proposed() {
    let demo = Demo::new();
    // Somebody answered the first one on the list, and named its report.
    let before = demo.json("evaluate --history");
    assert_eq!(
        (&before["cases"], &before["positives"]),
        (&1.into(), &1.into()),
        "{before}"
    );
    assert_eq!(before["recall_at_1"], 1.0, "{before}");

    // Whoever approves says the same once more.
    demo.run("approve 1 --yes").ok();
    let one = demo.json("evaluate --history");
    assert_eq!(
        (&one["cases"], &one["positives"]),
        (&1.into(), &1.into()),
        "{one}"
    );
    assert_eq!(one["recall_at_1"], 1.0);
    assert_eq!(one["tiers"]["strong"]["n"], 1, "{one}");

    // #4 was proposed for the second and is wrong.
    demo.run("reject 2 --reason another").ok();
    let two = demo.json("evaluate --history");
    assert_eq!(
        (&two["cases"], &two["positives"]),
        (&2.into(), &1.into()),
        "{two}"
    );
    assert_eq!(two["false_links_where_none"], 1.0, "{two}");
    assert_eq!(two["tiers"]["strong"]["precision"], 1.0, "{two}");

    // A new report was proposed for the fifth, and a person knew of an old one.
    demo.run("link 5 12").ok();
    let three = demo.json("evaluate --history");
    assert_eq!(
        (&three["cases"], &three["positives"]),
        (&3.into(), &2.into()),
        "{three}"
    );
    assert_eq!(three["recall_at_1"], 0.5, "{three}");
    assert_eq!(three["wrong_new"], 0.5, "{three}");
    // Nobody asked those.
    assert!(three["baselines"].is_null() && three["query_ms"].is_null());

    let shown = demo.run("evaluate --history").ok();
    for part in [
        "failures that people decided on: 3 cases, 2 with an issue",
        "50.0 %",
        "100.0 %",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}
