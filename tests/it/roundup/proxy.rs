//! A proxy before a tracker that lets one thing go wrong.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{act, base};

/// What a proxy before the tracker does wrong, once.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// Lets the request through and cuts the connection before the answer.
    CutAnswerTo(&'static str),
    /// Somebody edits the issue right before our PATCH arrives.
    EditBeforePatch(u64),
}

/// A proxy before a tracker; gives its port.
pub(super) async fn proxy(name: &'static str, fault: Fault) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = base(name).split('/').nth(2).unwrap();
    let mut is_due = true;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let request = read_request(&mut client).await;
            // The tracker insists on its own address as Origin.
            let request = request.replace(&format!("127.0.0.1:{port}"), host);
            let mut server = TcpStream::connect(host).await.unwrap();
            if let (Fault::EditBeforePatch(issue), true) = (fault, is_due)
                && request.starts_with("PATCH")
            {
                is_due = false;
                let edit = json!({ "title": "edited in between", "@op": "replace" });
                act(name, "victor", "PATCH", &format!("issue/{issue}"), edit).await;
            }
            server.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).await.unwrap();
            match fault {
                Fault::CutAnswerTo(method) if request.starts_with(method) => {}
                _ => client.write_all(&answer).await.unwrap(),
            }
        }
    });
    port
}

/// One request; the answer's connection is to end with it.
async fn read_request(client: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut piece = [0; 65536];
    loop {
        let size = client.read(&mut piece).await.unwrap();
        text.push_str(std::str::from_utf8(&piece[..size]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head
            .lines()
            .find_map(|line| {
                line.to_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0_usize);
        if body.len() >= length {
            return text.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        }
    }
}
