//! `evaluate` on the shipped cases: it never gets worse unnoticed, and it is always
//! better than what there is without the program.

use serde_json::Value;

use super::{CASES, ISSUES, evaluated};

/// How a figure may not be.
enum Bound {
    /// Not below.
    Floor(f64),
    /// Not above.
    Ceiling(f64),
}

use Bound::{Ceiling, Floor};

/// Where each figure stands in the document, and its bound: two or three hundredths
/// beside what was measured last, so that one case more or less passes and a step
/// back does not. The weights have learnt from these cases, too, so this is no measure
/// of how well others are answered. Whoever makes matching better moves them.
const BOUNDS: [(&str, Bound); 7] = [
    ("/recall_at_1", Floor(0.84)),
    ("/recall_at_5", Floor(0.85)),
    ("/mrr", Floor(0.85)),
    ("/tiers/strong/precision", Floor(0.95)),
    ("/tiers/strong/coverage", Floor(0.51)),
    ("/false_links_where_none", Ceiling(0.05)),
    ("/wrong_new", Ceiling(0.27)),
];

fn figure(document: &Value, place: &str) -> f64 {
    let figure = document.pointer(place).and_then(Value::as_f64);
    figure.unwrap_or_else(|| panic!("{place} is not in {document}"))
}

#[test]
fn the_shipped_cases_are_answered_as_well_as_before() {
    let document = evaluated(ISSUES, CASES, &[]);
    assert!(figure(&document, "/cases") >= 120.0, "{document}");
    assert!(figure(&document, "/positives") >= 55.0, "{document}");
    assert_eq!(document["unknown_issues"], Value::Array(Vec::new()));

    let mut worse = Vec::new();
    for (place, bound) in BOUNDS {
        let figure = figure(&document, place);
        let (is_kept, bound) = match bound {
            Floor(floor) => (figure >= floor, format!("at least {floor}")),
            Ceiling(ceiling) => (figure <= ceiling, format!("at most {ceiling}")),
        };
        if !is_kept {
            worse.push(format!("{place} is {figure:.3}, not {bound}"));
        }
    }
    for baseline in ["b0", "b1"] {
        let of_it = |what: &str| figure(&document, &format!("/baselines/{baseline}{what}"));
        for what in ["/recall_at_1", "/recall_at_5"] {
            if figure(&document, what) <= of_it(what) {
                worse.push(format!("{what} is not above that of {baseline}"));
            }
        }
        let what = "/false_links_where_none";
        if figure(&document, what) >= of_it(what) {
            worse.push(format!("{what} is not below that of {baseline}"));
        }
    }
    assert!(worse.is_empty(), "{}", worse.join("\n"));
}

#[test]
fn the_figures_are_broken_down() {
    let document = evaluated(ISSUES, CASES, &[]);
    for what in ["tier", "kind", "failure"] {
        let groups = document["by"][what].as_object().unwrap();
        assert!(groups.len() > 1, "{what}: {groups:?}");
        let cases: f64 = groups.values().map(|it| figure(it, "/cases")).sum();
        assert_eq!(cases, figure(&document, "/cases"), "{what}");
    }
    let all = figure(&document, "/all_cases/cases");
    assert!(
        all > figure(&document, "/cases"),
        "the headline leaves some out"
    );
    let (p50, p99) = (
        figure(&document, "/query_ms/p50"),
        figure(&document, "/query_ms/p99"),
    );
    assert!(0.0 < p50 && p50 <= p99, "{p50} {p99}");
}
