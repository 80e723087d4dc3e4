//! What the page does not do, whoever asks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use super::{Client, NAME, PASSWORD, Page, add_user, ask, program, serve};
use crate::hostile::texts::{BUILDERS, notification};

/// Every address that has an effect.
const EFFECTS: [&str; 13] = [
    "/logout",
    "/draft/2/approve",
    "/draft/2/reject",
    "/draft/2/hold",
    "/draft/2/release",
    "/draft/2/retry",
    "/draft/2/edit",
    "/draft/2/link",
    "/delivery/1/resolve",
    "/incident/1",
    "/switch/stop",
    "/switch/pause",
    "/switch/trust-mirror",
];

/// Every page.
const PAGES: [&str; 12] = [
    "/",
    "/draft/2",
    "/draft/2/history",
    "/draft/2/edit",
    "/draft/2/link?words=test",
    "/underway",
    "/incidents",
    "/incident/1",
    "/history",
    "/status",
    "/style.css",
    "/keys.js",
];

/// Changes whenever anybody else writes to the database.
fn version(database: &rusqlite::Connection) -> i64 {
    database
        .pragma_query_value(None, "data_version", |row| row.get(0))
        .unwrap()
}

pub(super) fn configured(folder: &Path, section: &str) {
    let file = folder.join("config.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, format!("{text}\n[web]\n{section}\n")).unwrap();
}

#[test]
fn an_address_without_a_number_is_no_page() {
    let page = Page::new();
    let mut client = page.client();
    for path in ["/draft/x", "/draft/x/history", "/incident/1.5", "/nowhere"] {
        client.get(path).is(404).says("There is no such page.");
    }
}

#[test]
fn looking_changes_nothing() {
    let page = Page::new();
    let mut client = page.client();
    let database = page.database();
    let before = version(&database);
    for path in PAGES {
        client.get(path).is(200);
        let head = client.request("HEAD", path, &[], None).is(200);
        assert_eq!(head.body, "");
    }
    for path in EFFECTS {
        if !["/draft/2/edit", "/draft/2/link", "/incident/1"].contains(&path) {
            client.get(path).is(405);
        }
        for method in ["PUT", "DELETE", "PATCH"] {
            let origin = format!("http://{}", client.host);
            let answer = client.request(method, path, &[("Origin", &origin)], None);
            assert_eq!(answer.status, 405, "{method} {path}");
        }
    }
    assert_eq!(version(&database), before);
}

#[test]
fn every_answer_has_the_headers() {
    let page = Page::new();
    let mut client = page.client();
    let mut stranger = page.visitor();
    let answers = [
        client.get("/"),
        client.get("/draft/2"),
        client.get("/style.css"),
        client.get("/nowhere"),
        client.get("/draft/x"),
        client.get("/draft/99"),
        client.get("/switch/stop"),
        client.post_with("/switch/stop", &[], &[]),
        client.post("/switch/stop", &[]),
        client.request("GET", "/", &[("Host", "evil.example")], None),
        stranger.get("/"),
        stranger.get("/login"),
        stranger.post("/switch/stop", &[]),
    ];
    for answer in answers {
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "same-origin");
        let cache = answer.header("cache-control");
        assert!(["no-store", "max-age=300"].contains(&cache), "{cache}");
    }
}

#[test]
fn only_its_own_hosts_are_served() {
    let page = Page::new();
    let mut client = page.client();
    let own = client.host.clone();
    let local = format!("localhost:{}", page.port);
    for host in [own.as_str(), &local, &local.to_uppercase()] {
        client.request("GET", "/", &[("Host", host)], None).is(200);
    }
    let other_port = format!("127.0.0.1:{}", page.port ^ 1);
    let longer = format!("{own}.evil.example");
    for host in ["evil.example", "127.0.0.1", "", &other_port, &longer] {
        client.request("GET", "/", &[("Host", host)], None).is(421);
    }
    let twice = [("Host", own.as_str()), ("Host", "evil.example")];
    let answer = client.request("GET", "/", &twice, None);
    assert!([400, 421].contains(&answer.status));
    let whole =
        format!("GET http://evil.example/ HTTP/1.1\r\nHost: {own}\r\nConnection: close\r\n\r\n");
    let stream = std::net::TcpStream::connect(("127.0.0.1", page.port)).unwrap();
    ask(stream, &whole).is(421);
}

#[test]
fn what_another_site_sends_does_nothing() {
    let page = Page::new();
    let mut client = page.client();
    let database = page.database();
    let status = client.get("/status");
    let token = status.hidden("/switch/stop", "csrf");
    let before = version(&database);
    let own = format!("http://{}", client.host);
    let tls = format!("https://{}", client.host);
    let longer = format!("{own}.evil.example");
    let refused: [&[(&str, &str)]; 11] = [
        &[],
        &[("Origin", "null")],
        &[("Origin", "")],
        &[("Origin", "http://evil.example")],
        &[("Origin", &tls)],
        &[("Origin", &longer)],
        &[("Origin", &own), ("Origin", "http://evil.example")],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Origin", &own), ("Sec-Fetch-Site", "cross-site")],
        &[("Origin", &own), ("Sec-Fetch-Site", "same-site")],
        &[("Origin", &own), ("Sec-Fetch-Site", "none")],
    ];
    for headers in refused {
        let answer = client.post_with("/switch/stop", &[("csrf", &token)], headers);
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    assert_eq!(version(&database), before);
    // What a browser without Sec-Fetch-Site sends.
    client
        .post_with("/switch/stop", &[("csrf", &token)], &[("Origin", &own)])
        .is(303);
}

#[test]
fn a_form_is_good_for_one_person_and_one_thing() {
    let page = Page::new();
    add_user(&page.folder, "Kim", "another long one");
    let mut client = page.client();
    let mut kim = page.visitor();
    kim.log_in("Kim", "another long one").leads_to("/");
    let database = page.database();
    let status = client.get("/status");
    let mine = status.hidden("/switch/stop", "csrf");
    let other = status.hidden("/switch/pause", "csrf");
    let kims = kim.get("/status").hidden("/switch/stop", "csrf");
    assert_ne!(mine, kims);
    let before = version(&database);
    for token in ["", "x", &mine[1..], &mine[..62], &other, &kims] {
        client.post("/switch/stop", &[("csrf", token)]).is(403);
    }
    client.post("/switch/stop", &[]).is(403);
    let no_form = [("Origin", format!("http://{}", client.host))];
    let headers = [("Origin", no_form[0].1.as_str())];
    client
        .request("POST", "/switch/stop", &headers, None)
        .is(415);
    assert_eq!(version(&database), before);
    client.post("/switch/stop", &[("csrf", &mine)]).is(303);
    // And no longer than the session.
    let again = client.log_in(NAME, PASSWORD);
    again.leads_to("/");
    client
        .post("/switch/clear-stop", &[("csrf", &mine)])
        .is(403);
}

#[test]
fn who_is_not_logged_in_decides_nothing() {
    let page = Page::new();
    let mut stranger = page.visitor();
    let database = page.database();
    let before = version(&database);
    for path in PAGES.iter().filter(|path| !path.contains('.')) {
        stranger.get(path).leads_to("/login");
    }
    for path in EFFECTS {
        stranger.post(path, &[("csrf", "x")]).is(401);
    }
    for token in ["", "x", &"0".repeat(64)] {
        stranger.cookies.insert("session".into(), token.into());
        stranger.get("/").leads_to("/login");
    }
    assert_eq!(version(&database), before);
    // Another site's link: the browser asks once more, now with the cookie.
    let link = [("Sec-Fetch-Site", "cross-site")];
    let answer = stranger.request("GET", "/draft/2", &link, None).is(200);
    assert!(answer.body.contains("http-equiv=\"refresh\"") && !answer.body.contains("test_"));
}

#[test]
fn sessions_end() {
    let page = Page::new();
    let mut client = page.visitor();
    let answer = client.log_in(NAME, PASSWORD);
    let cookie = answer.header("set-cookie").to_owned();
    let (token, rest) = cookie.split_once("; ").unwrap();
    assert_eq!(token.len(), "session=".len() + 64);
    assert_eq!(rest, "Path=/; Max-Age=604800; HttpOnly; SameSite=Strict");
    // A copy of the database lets nobody in.
    let secret = token.strip_prefix("session=").unwrap();
    let state = page.folder.join("state");
    for file in fs::read_dir(state).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        for word in [secret, PASSWORD] {
            let found = bytes.windows(word.len()).any(|it| it == word.as_bytes());
            assert!(!found, "{word} is stored");
        }
    }
    let queue = client.get("/").is(200);
    let stolen = client.cookies.clone();
    client.send(&queue, "/logout", &[]).leads_to("/login");
    client.cookies = stolen;
    client.get("/").leads_to("/login");
    // By whoever looks after the users.
    client.log_in(NAME, PASSWORD).leads_to("/");
    add_user(&page.folder, NAME, "quite another one");
    client.get("/").leads_to("/login");
    client.log_in(NAME, PASSWORD).is(403);
    client.log_in(NAME, "quite another one").leads_to("/");
    super::run(&page.folder, &["user", "remove", NAME]);
    client.get("/").leads_to("/login");
    client.log_in(NAME, "quite another one").is(403);
    let mut old = page.visitor();
    add_user(&page.folder, NAME, PASSWORD);
    old.log_in(NAME, PASSWORD).leads_to("/");
    let changed = page
        .database()
        .execute("UPDATE sessions SET made_at = 1, expires_at = 2", []);
    assert_eq!(changed.unwrap(), 1);
    old.get("/").leads_to("/login");
}

#[test]
fn guessing_is_slow_for_who_guesses() {
    let page = Page::new();
    add_user(&page.folder, "Kim", "another long one");
    let mut guest = page.visitor();
    for _ in 0..5 {
        guest
            .log_in(NAME, "a guess")
            .is(403)
            .says("name and password do not match");
    }
    let late = guest.log_in(NAME, PASSWORD).is(429);
    assert!(late.header("retry-after").parse::<u32>().unwrap() >= 1);
    late.says("Too many mistakes");
    // Others come in all the same, from the same address.
    guest.log_in("Kim", "another long one").leads_to("/");
    guest.log_in("Nobody", PASSWORD).is(403);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    guest.log_in(NAME, PASSWORD).leads_to("/");
}

#[test]
fn behind_tls_cookies_are_for_tls() {
    let page = Page::with(|folder| {
        configured(
            folder,
            "listen = \"./page.sock\"\nhosts = [\"watch.example.org\"]\nhttps = true",
        );
    });
    let (mut child, place) = serve(&page.folder, &[]);
    let socket = page.folder.join("page.sock");
    assert!(place.ends_with("page.sock"), "{place}");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let send = |text: String| ask(UnixStream::connect(&socket).unwrap(), &text);
    let host = "Host: watch.example.org\r\nConnection: close\r\n";
    let form = send(format!("GET /login HTTP/1.1\r\n{host}\r\n")).is(200);
    let visitor = form
        .header("set-cookie")
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    assert!(form.header("set-cookie").ends_with("; Secure"));
    let body = format!(
        "csrf={}&name=Vic+Stone&password=correct+horse+battery",
        form.hidden("/login", "csrf")
    );
    let log_in = |origin: &str| {
        send(format!(
            "POST /login HTTP/1.1\r\n{host}Origin: {origin}\r\nCookie: {visitor}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    log_in("http://watch.example.org").is(403);
    let answer = log_in("https://watch.example.org").leads_to("/");
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-session="), "{cookie}");
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Strict; Secure"),
        "{cookie}"
    );
    let session = cookie.split(';').next().unwrap();
    send(format!("GET / HTTP/1.1\r\n{host}Cookie: {session}\r\n\r\n")).is(200);
    let plain = session.trim_start_matches("__Host-");
    send(format!("GET / HTTP/1.1\r\n{host}Cookie: {plain}\r\n\r\n")).leads_to("/login");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_proxy_is_believed_where_it_is_configured() {
    let believed =
        "listen = \"127.0.0.1:0\"\ntrusted_header = \"X-Remote-User\"\nproxy = \"127.0.0.1\"";
    let elsewhere = believed.replace("proxy = \"127.0.0.1\"", "proxy = \"192.0.2.1\"");
    for (section, is_believed) in [(believed, true), (elsewhere.as_str(), false)] {
        let page = Page::with(|folder| configured(folder, section));
        let (mut child, place) = serve(&page.folder, &[]);
        let port: u16 = place
            .trim_end_matches('/')
            .rsplit(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        let mut client = Client {
            port,
            host: format!("127.0.0.1:{port}"),
            cookies: Default::default(),
        };
        client.get("/").leads_to("/login");
        let named = [("X-Remote-User", "Ada")];
        let answer = client.request("GET", "/status", &named, None);
        if is_believed {
            let token = answer.is(200).says("Ada").hidden("/switch/stop", "csrf");
            for bad in ["", "<b>", "a@b"] {
                let named = [("X-Remote-User", bad)];
                client.request("GET", "/", &named, None).leads_to("/login");
            }
            let twice = [("X-Remote-User", "Ada"), ("X-Remote-User", "Bob")];
            client.request("GET", "/", &twice, None).leads_to("/login");
            let origin = format!("http://{}", client.host);
            let body = format!("csrf={token}");
            let bob = [("Origin", origin.as_str()), ("X-Remote-User", "Bob")];
            client
                .request("POST", "/switch/stop", &bob, Some(&body))
                .is(403);
            let ada = [("Origin", origin.as_str()), ("X-Remote-User", "Ada")];
            client
                .request("POST", "/switch/stop", &ada, Some(&body))
                .is(303);
            assert!(page.run("status").contains("by Ada"));
        } else {
            answer.leads_to("/login");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // Without the configuration it is a header like any other.
    let page = Page::new();
    let named = [("X-Remote-User", "Ada")];
    let mut client = page.visitor();
    client.request("GET", "/", &named, None).leads_to("/login");
}

#[test]
fn nobody_else_can_reach_it_unless_told() {
    let page = Page::new();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let mut command = program(&page.folder);
        command
            .args(["serve", "--listen", address])
            .stdout(Stdio::null());
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success());
        assert!(err.contains("can be reached by others"), "{err}");
    }
    configured(&page.folder, "listen = \"0.0.0.0:0\"\nhosts = [\"a\"]");
    let output = program(&page.folder).arg("serve").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("open_to_network"), "{err}");
}

#[test]
fn whatever_a_mail_says_is_text() {
    let page = Page::with(|folder| {
        for (n, builder) in BUILDERS.iter().enumerate() {
            let mail = notification(builder).replace("<hostile@", &format!("<hostile{n}@"));
            fs::write(folder.join(format!("mailbox/new/hostile{n}")), mail).unwrap();
        }
        super::run(folder, &["demo"]);
    });
    let mut client = page.client();
    let all = page.run("list --all --json");
    let all: serde_json::Value = serde_json::from_str(&all).unwrap();
    let rows = all["notifications"].as_array().unwrap();
    let mut is_seen = false;
    let own = regex::Regex::new(
        r#"</?(?:!doctype|html|head|meta|title|link|script|body|header|nav|a|b|div|form|input|button|p|main|h1|h2|h3|section|article|details|summary|dl|dt|dd|pre|ul|li|span|label|table|tr|th|td|svg|line|rect|textarea|fieldset|legend)(?: [a-zA-Z0-9-]+(?:="[^"<>]*")?)*/?>"#,
    )
    .unwrap();
    let links = regex::Regex::new("(?:href|action)=\"([^\"]*)\"").unwrap();
    let mut paths: Vec<String> = ["/", "/underway", "/incidents", "/history", "/status"]
        .map(str::to_owned)
        .into();
    for row in rows {
        let id = row["id"].as_u64().unwrap();
        paths.extend(
            ["", "/history", "/edit", "/link?words=x"].map(|it| format!("/draft/{id}{it}")),
        );
    }
    for path in paths {
        let answer = client.get(&path);
        assert!(
            [200, 409].contains(&answer.status),
            "{path}: {}",
            answer.status
        );
        is_seen |= answer.body.contains("@everyone");
        // Without the page's own elements no markup is left.
        let rest = own.replace_all(&answer.body, "");
        assert!(!rest.contains(['<', '>']), "{path}: {rest}");
        assert_eq!(answer.body.matches("<script").count(), 1, "{path}");
        for char in answer.body.chars() {
            let is_bad = (char.is_control() && char != '\n')
                || matches!(char, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            assert!(!is_bad, "{path}: {char:?}");
        }
        for link in links.captures_iter(&answer.body) {
            let link = &link[1];
            let is_good = link.starts_with('/') && !link.starts_with("//")
                || link == "#decide"
                || link.starts_with("https://buildbot.python.org/")
                || link.starts_with("https://tracker.invalid/");
            assert!(is_good, "{path}: {link}");
        }
    }
    assert!(is_seen, "nothing hostile was shown");
}
