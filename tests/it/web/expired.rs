//! A draft that nobody decided on in time, as the page has it.

use std::time::{Duration, Instant};

use super::{LONGEST, Page, run};

#[test]
fn it_is_found_with_its_record_and_comes_back_by_one_button() {
    let page = Page::with(|folder| {
        let file = folder.join("config.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{text}\n[drafts]\nexpire_after = \"1s\"\n")).unwrap();
        std::thread::sleep(Duration::from_secs(2));
        run(folder, &["demo"]);
        std::fs::write(&file, text).unwrap();
    });
    let mut client = page.client();
    let note = "nobody decided within";
    let queue = client.get("/").is(200);
    assert!(!queue.body.contains("/draft/1\""), "{}", queue.body);
    client.get("/history").is(200).says(note);
    let draft = client.get("/draft/1").is(200);
    let draft = draft.says("expired").says(note);
    assert!(!draft.body.contains("/draft/1/approve"), "{}", draft.body);
    client.send(&draft, "/draft/1/retry", &[]).is(303);
    let begun = Instant::now();
    while !client.get("/draft/1").body.contains("/draft/1/approve") {
        assert!(begun.elapsed() < LONGEST, "{}", client.get("/draft/1").body);
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(client.get("/").body.contains("/draft/1\""));
}
