//! A builder that passes again is seen on the queue and on its draft.

use std::fs;

use super::browser::logged_in;
use super::{Page, run};

/// The mail of a build that passes again, of the builder of the demo's first draft.
fn recovery() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/fixtures/mails/default-plain-4.x-recovery.eml"
    );
    let text = fs::read_to_string(path).unwrap();
    let text = text
        .replace("RISC-V 64-bit Ubuntu Clang 3.x", "AMD64 Fedora Stable 3.x")
        .replace("/builders/2/builds/3", "/builders/15/builds/99");
    format!(
        "Message-ID: <passes@buildbot.example.org>\r\n\
         List-Id: <buildbot-status.python.org>\r\n{text}"
    )
}

#[test]
fn it_is_shown_and_the_draft_can_be_decided_on_all_the_same() {
    let page = Page::with(|folder| {
        fs::write(folder.join("mailbox/new/1795400000.passes"), recovery()).unwrap();
        run(folder, &["demo"]);
    });
    let mut client = page.client();
    let queue = client.get("/").is(200);
    let recovered = r#"<span class="standing good">recovered</span>"#;
    // The demo has a mail of its own that tells so, of another draft's builder.
    assert_eq!(queue.body.matches(recovered).count(), 2, "{}", queue.body);
    let draft = client.get("/draft/1").is(200);
    let words = "AMD64 Fedora Stable 3.x has recovered: build 99 passed";
    let draft = draft.says(&format!("<p class=\"band good\">{words}"));
    let other = client.get("/draft/2").is(200);
    assert!(!other.body.contains("has recovered"), "{}", other.body);
    assert!(draft.all_hidden("/draft/1/approve").len() > 1);

    // It is seen at once, also on a phone, and the draft is approved all the same.
    let mut browser = logged_in(&page);
    assert_eq!(browser.text().matches("recovered").count(), 2);
    browser.shoot("queue-recovered");
    browser.click("a[href='/draft/1']");
    browser.loaded();
    browser.shoot("draft-recovered");
    let is_seen = format!(
        "(() => {{ const band = document.querySelector('p.band.good'); \
         const place = band.getBoundingClientRect(); \
         return band.innerText.startsWith({words:?}) && place.height > 0 \
         && place.bottom <= innerHeight && place.right <= innerWidth }})()"
    );
    assert_eq!(browser.run(&is_seen), true, "{}", browser.text());
    browser.looks(390, 844, "dark");
    browser.go("/draft/1");
    browser.shoot("draft-recovered-dark-phone");
    assert_eq!(browser.run(&is_seen), true, "{}", browser.text());
    browser.press("a");
    browser.press("Enter");
    browser.loaded();
    page.sent(1);
    browser.go("/draft/1");
    assert!(!browser.text().contains("has recovered"));
}
