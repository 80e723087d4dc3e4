//! The page: whether the service can listen where it shall, whether that is called by
//! the names it answers to, and whether anybody can log in.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use anyhow::{Result, ensure};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::timeout;

use super::STEP;
use crate::cli::session::Session;
use crate::cli::words::count;
use crate::config::{Config, Listen, Web};
use crate::daemon;
use crate::domain::finding::Finding;
use crate::store::Store;

/// The longest path of a Unix socket, in bytes (`sun_path` of unix(7), without its end).
const LONGEST_PATH: usize = 107;

/// Of an answer so much is read, in bytes.
const ANSWER: u64 = 64 * 1024;

/// Everything about the page; nothing if there is none.
pub(super) async fn findings(session: &Session, config: &Config) -> Vec<Finding> {
    let Some(page) = &config.web else {
        return Vec::new();
    };
    let mut findings = vec![match &page.listen {
        Listen::Tcp(address) => port(page, *address).await,
        Listen::Unix(path) => socket(page, path).await,
    }];
    findings.extend(page.hosts.iter().filter_map(|host| unreachable(page, host)));
    findings.push(people(session, config, page));
    findings
}

async fn port(page: &Web, address: SocketAddr) -> Finding {
    match TcpListener::bind(address).await {
        Ok(_) => Finding::fine(format!(
            "{address} is free; the service will serve the page there"
        )),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let stream = timeout(STEP, TcpStream::connect(address)).await;
            taken(&address.to_string(), page, stream.ok().and_then(Result::ok)).await
        }
        Err(error) => Finding::bad(
            format!("{address} cannot be listened on: {error}"),
            match error.kind() {
                ErrorKind::PermissionDenied => {
                    "Listen on a port from 1024 on; under systemd the unit has to allow it \
                     (SocketBindAllow=)."
                }
                ErrorKind::AddrNotAvailable => {
                    "Write an address of this machine into [web] listen: \"127.0.0.1:8025\"."
                }
                _ => "Write another address into [web] listen: \"127.0.0.1:8025\".",
            },
        ),
    }
}

async fn socket(page: &Web, path: &Path) -> Finding {
    let place = path.display();
    if path.as_os_str().len() > LONGEST_PATH {
        return Finding::bad(
            format!("{place} is too long for a socket"),
            format!("Write a path of at most {LONGEST_PATH} bytes into [web] listen."),
        );
    }
    let there = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return socket_folder(path),
        Err(error) => return Finding::bad(format!("{place} cannot be reached: {error}"), FOLDER),
        Ok(about) => about.file_type(),
    };
    if !there.is_socket() {
        return Finding::bad(
            format!("{place} is something other than a socket"),
            "Remove what stands there, or write another path into [web] listen.",
        );
    }
    match timeout(STEP, UnixStream::connect(path)).await {
        // Nobody listens there any more; the service takes it away.
        Ok(Err(error)) if error.kind() == ErrorKind::ConnectionRefused => socket_folder(path),
        stream => {
            let stream = stream.ok().and_then(Result::ok);
            taken(&place.to_string(), page, stream).await
        }
    }
}

/// What to do for a folder in which no socket can be made.
const FOLDER: &str = "Make that folder for the user of the service, or run this as that user. \
                      Under systemd RuntimeDirectory=buildbot-watch makes /run/buildbot-watch.";

/// The service makes the socket, but not its folder.
fn socket_folder(path: &Path) -> Finding {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !folder.is_dir() {
        return Finding::bad(
            format!(
                "{} is not a folder: the socket has no place",
                folder.display()
            ),
            FOLDER,
        );
    }
    match super::folder(folder) {
        fine if fine.level == crate::domain::finding::Level::Fine => Finding::fine(format!(
            "{} can be made; the service will serve the page there",
            path.display()
        )),
        wrong => Finding {
            remedy: Some(FOLDER.to_owned()),
            ..wrong
        },
    }
}

/// Somebody listens there: the page itself, as it should be, or another program.
async fn taken(
    place: &str,
    page: &Web,
    stream: Option<impl AsyncRead + AsyncWrite + Unpin>,
) -> Finding {
    let host = page.hosts.first().map_or("localhost", String::as_str);
    let answer = match stream {
        Some(stream) => timeout(STEP, answer(stream, host)).await,
        None => Ok(Err(io::Error::from(ErrorKind::NotConnected).into())),
    };
    match answer {
        Ok(Ok(answer)) if answer.contains("<title>Log in - buildbot-watch</title>") => {
            Finding::fine(format!("the page is served at {place}, as {host}"))
        }
        Ok(Ok(answer)) if answer.contains(crate::web::OTHER_HOST) => Finding::doubtful(
            format!("the page at {place} does not answer to {host} yet"),
            "Have the service read its configuration again: `systemctl reload buildbot-watch`; \
             end a `serve` that runs there.",
        ),
        _ => Finding::bad(
            format!("another program listens on {place}"),
            "End that program, or write another address into [web] listen.",
        ),
    }
}

/// What is answered to somebody who wants to log in.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> Result<String> {
    let request = format!("GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(ANSWER).read_to_end(&mut bytes).await?;
    ensure!(bytes.starts_with(b"HTTP/1.1 "), "that is not a web server");
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A name that no browser can call the page by, with what to write instead.
fn unreachable(page: &Web, host: &str) -> Option<Finding> {
    let Listen::Tcp(address) = &page.listen else {
        return None;
    };
    let (name, port) = name_and_port(host, page.https);
    let is_here = port == address.port();
    if page.https && is_here {
        return Some(Finding::doubtful(
            format!("hosts: with https browsers speak TLS at {host}, which the page does not"),
            "Name in [web] hosts what browsers call the proxy by, which speaks TLS, or remove \
             https = true.",
        ));
    }
    // A forwarded port of somebody's own machine may have any number.
    let is_forwarded = ["localhost", "127.0.0.1", "[::1]"].contains(&name);
    let has_proxy = page.https || page.proxy.is_some();
    (!has_proxy && !is_here && !is_forwarded && address.port() != 0).then(|| {
        Finding::doubtful(
            format!("hosts: browsers that call {host} ask on port {port}, not on {address}"),
            format!(
                "Write \"{name}:{}\" into [web] hosts; if a proxy in front speaks TLS, add \
                 https = true, if one does not, proxy = its address.",
                address.port()
            ),
        )
    })
}

/// What a browser takes a host for: its name, and the port it asks on.
fn name_and_port(host: &str, https: bool) -> (&str, u16) {
    let usual = if https { 443 } else { 80 };
    match host.rsplit_once(':') {
        Some((name, port)) => match port.parse() {
            Ok(port) => (name, port),
            // The end of an IPv6 address.
            Err(_) => (host, usual),
        },
        None => (host, usual),
    }
}

fn people(session: &Session, config: &Config, page: &Web) -> Finding {
    let path = daemon::database(config);
    let users = match path.exists() {
        true => Store::open(&path).and_then(|store| store.users(session.now)),
        false => Ok(Vec::new()),
    };
    let users = match users {
        Ok(users) => users.len(),
        Err(_) => {
            return Finding::doubtful(
                "nobody knows who can log in",
                "Mend what is wrong with database first.",
            );
        }
    };
    match (users, &page.trusted_header) {
        (0, None) => Finding::doubtful(
            "nobody can log in yet",
            format!(
                "Add somebody: {}; or name the header by which a proxy tells whom it let in \
                 (trusted_header).",
                session.line("user add NAME")
            ),
        ),
        (0, Some(header)) => Finding::fine(format!(
            "whom the proxy names in {header} may decide; nobody has a password"
        )),
        (users, None) => Finding::fine(format!("{} can log in", count(users, "user"))),
        (users, Some(header)) => Finding::fine(format!(
            "{} can log in, and whom the proxy names in {header} may decide",
            count(users, "user")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(listen: &str, https: bool, proxy: bool) -> Web {
        Web {
            listen: Listen::Tcp(listen.parse().unwrap()),
            hosts: Vec::new(),
            https,
            proxy: proxy.then(|| "127.0.0.1".parse().unwrap()),
            trusted_header: None,
        }
    }

    #[track_caller]
    fn check(page: &Web, host: &str, remedy: Option<&str>) {
        let found = unreachable(page, host).and_then(|it| it.remedy);
        match remedy {
            None => assert_eq!(found, None, "{host}"),
            Some(words) => {
                let found = found.unwrap_or_default();
                assert!(found.contains(words), "{host}: {found}");
            }
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_told() {
        let plain = page("127.0.0.1:8025", false, false);
        check(&plain, "127.0.0.1:8025", None);
        check(&plain, "localhost:9000", None);
        check(&plain, "[::1]:9000", None);
        check(&plain, "watch:8025", None);
        check(&plain, "watch", Some("\"watch:8025\""));
        check(&plain, "watch:80", Some("\"watch:8025\""));
        check(&page("127.0.0.1:8025", false, true), "watch", None);
        let tls = page("127.0.0.1:8025", true, false);
        check(&tls, "watch.example.org", None);
        check(&tls, "watch.example.org:8443", None);
        check(&tls, "watch.example.org:8025", Some("remove https"));
    }
}
