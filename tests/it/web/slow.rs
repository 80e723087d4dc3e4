//! Clients that say nothing, or say it slowly, and in great numbers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Page;

/// What the program holds in memory, in KiB.
fn resident(page: &Page) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", page.child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words: Vec<&str> = line.unwrap().split_whitespace().collect();
    words[1].parse().unwrap()
}

/// How many sockets the program has open.
fn sockets(page: &Page) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", page.child.id())).unwrap();
    let is_socket = |target: &std::path::PathBuf| target.to_string_lossy().starts_with("socket:");
    files
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .filter(is_socket)
        .count()
}

#[test]
fn however_many_dawdle_others_are_served_and_the_memory_is_bounded() {
    let page = Page::new();
    let mut client = page.client();
    client.get("/draft/1").is(200);
    let before = resident(&page);
    let host = format!("127.0.0.1:{}", page.port);
    let beginnings = [
        String::new(),
        "GET / HT".to_owned(),
        format!(
            "GET / HTTP/1.1\r\nHost: {host}\r\nX: {}",
            "x".repeat(60_000)
        ),
        format!(
            "POST /login HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: 10000\r\n\r\nname="
        ),
    ];
    let mut slow = Vec::new();
    for n in 0..400 {
        let mut stream = TcpStream::connect(("127.0.0.1", page.port)).unwrap();
        stream.set_read_timeout(Some(super::LONGEST)).unwrap();
        // The earlier ones may have had to go already.
        let _ = stream.write_all(beginnings[n % beginnings.len()].as_bytes());
        slow.push(stream);
        if n % 50 == 49 {
            let asked = Instant::now();
            client.get("/").is(200).says("Waiting for a decision");
            assert!(asked.elapsed() < Duration::from_secs(10), "after {n}");
        }
    }
    assert!(sockets(&page) < 150, "{} sockets", sockets(&page));
    let grown = resident(&page).saturating_sub(before);
    assert!(grown < 40 * 1024, "{grown} KiB more");
    // The first had to make room, and see that at once.
    let mut rest = Vec::new();
    let _ = slow[0].read_to_end(&mut rest);
    assert_eq!(rest, b"");
    // Somebody who logs in and decides meanwhile is not hindered.
    let mut other = page.client();
    let draft = other.get("/draft/2");
    other
        .send(&draft, "/draft/2/approve", &[])
        .leads_to("/?said=approved&of=2");
    page.sent(1);
}

#[test]
fn a_stranger_cannot_send_much() {
    let page = Page::new();
    let mut stranger = page.visitor();
    let long = "x".repeat(20_000);
    let answer = stranger.log_in("Vic Stone", &long);
    assert_eq!(answer.status, 413, "{}", answer.body);
    // One who is known may: all texts of a draft.
    let mut client = page.client();
    let form = client.get("/draft/1/edit");
    client
        .send(&form, "/draft/1/edit", &[("text", &long)])
        .is(422);
}
