//! Whom a proxy passes on is told apart by the proxy's word, and by nobody else's.

use std::collections::BTreeMap;
use std::os::unix::net::UnixStream;

use super::safety::configured;
use super::{Answer, Client, NAME, PASSWORD, Page, ask, encoded, serve};

/// Tries a password as a client behind these addresses.
fn attempt(client: &mut Client, forwarded: &[&str], password: &str) -> u16 {
    let form = client.get("/login");
    let token = form.hidden("/login", "csrf");
    let origin = format!("http://{}", client.host);
    let mut headers = vec![("Origin", origin.as_str())];
    headers.extend(forwarded.iter().map(|it| ("X-Forwarded-For", *it)));
    let fields = [
        ("csrf", token.as_str()),
        ("name", NAME),
        ("password", password),
    ];
    client.post_with("/login", &fields, &headers).status
}

/// A page on a port, with this in its configuration.
fn with(section: &str, test: impl FnOnce(&mut Client)) {
    let page = Page::with(|folder| {
        configured(folder, &format!("listen = \"127.0.0.1:0\"\n{section}"));
    });
    let (mut child, place) = serve(&page.folder, &[]);
    let port = place.trim_end_matches('/').rsplit(':').next().unwrap();
    let port = port.parse().unwrap();
    let mut client = Client {
        port,
        host: format!("127.0.0.1:{port}"),
        cookies: BTreeMap::new(),
    };
    test(&mut client);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn clients_of_the_proxy_wait_for_their_own_mistakes() {
    with("proxy = \"127.0.0.1\"", |client| {
        // What a client writes itself stands to the left of what the proxy adds.
        for n in 0..5 {
            let written = format!("198.51.100.{n}, 192.0.2.1");
            assert_eq!(attempt(client, &[&written], "a guess"), 403);
        }
        let hops = ["192.0.2.9, 192.0.2.1", "127.0.0.1"];
        assert_eq!(attempt(client, &hops, PASSWORD), 429);
        // Others come in, by another address or without any.
        assert_eq!(attempt(client, &["192.0.2.2"], PASSWORD), 303);
        assert_eq!(attempt(client, &[], PASSWORD), 303);
    });
}

#[test]
fn nobody_else_is_believed() {
    let elsewhere = "proxy = \"192.0.2.7\"";
    for (section, other) in [
        ("", "192.0.2.1"),
        (elsewhere, "192.0.2.7"),
        (elsewhere, "127.0.0.1"),
    ] {
        with(section, |client| {
            for n in 0..5 {
                let written = format!("198.51.100.{n}");
                assert_eq!(attempt(client, &[&written], "a guess"), 403);
            }
            // At once: the pause is two seconds.
            assert_eq!(attempt(client, &[other], PASSWORD), 429, "{section}");
        });
    }
}

#[test]
fn whoever_connects_to_the_socket_is_the_proxy() {
    let page = Page::with(|folder| {
        configured(folder, "listen = \"./page.sock\"\nhosts = [\"watch\"]");
    });
    let (mut child, _) = serve(&page.folder, &[]);
    let socket = page.folder.join("page.sock");
    let send = |text: String| -> Answer { ask(UnixStream::connect(&socket).unwrap(), &text) };
    let host = "Host: watch\r\nConnection: close\r\n";
    let attempt = |from: &str, password: &str| {
        let form = send(format!("GET /login HTTP/1.1\r\n{host}\r\n")).is(200);
        let visitor = form.header("set-cookie").split(';').next().unwrap();
        let body = format!(
            "csrf={}&name={}&password={}",
            form.hidden("/login", "csrf"),
            encoded(NAME),
            encoded(password)
        );
        let answer = send(format!(
            "POST /login HTTP/1.1\r\n{host}Origin: http://watch\r\nCookie: {visitor}\r\n\
             X-Forwarded-For: {from}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        answer.status
    };
    for _ in 0..5 {
        assert_eq!(attempt("2001:db8::1", "a guess"), 403);
    }
    assert_eq!(attempt("2001:db8::2", PASSWORD), 429, "its neighbour");
    assert_eq!(attempt("192.0.2.1", PASSWORD), 303);
    child.kill().unwrap();
    child.wait().unwrap();
}
