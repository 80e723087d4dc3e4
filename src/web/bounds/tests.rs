use axum::Router;
use axum::body::Bytes;
use axum::extract::FromRequest;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use super::*;

/// Short, and yet long enough for a busy machine to send a request within.
const PATIENCE: Duration = Duration::from_millis(500);

/// Nothing takes longer, on whatever machine.
const LONGEST: Duration = Duration::from_secs(30);

/// Answers that take the page longer than clients may take.
const WORK: Duration = Duration::from_millis(1500);

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

/// A page that has a form, and one that takes its time; gives its port.
async fn serve(bounds: Bounds) -> u16 {
    let form = |request: Request| async {
        let connection = connection_of(&request).unwrap();
        let whole = Bytes::from_request(request, &()).await;
        connection.asked();
        whole.map(|bytes| format!("{} bytes", bytes.len()))
    };
    let work = || async {
        sleep(WORK).await;
        "done"
    };
    let router = Router::new()
        .route("/", get(|| async { "well" }))
        .route("/slow", get(work))
        .route("/form", post(form))
        .layer(from_fn(take_turns));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let service = router.into_make_service_with_connect_info::<Peer>();
    tokio::spawn(async move { axum::serve(Bounded::new(listener, bounds), service).await });
    port
}

fn bounds() -> Bounds {
    Bounds {
        patience: PATIENCE,
        ..Bounds::USUAL
    }
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

/// What comes until the other side ends it.
async fn rest(client: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end as well.
    let read = timeout(LONGEST, client.read_to_end(&mut bytes)).await;
    let _ = read.unwrap_or_else(|_| panic!("it is never ended"));
    String::from_utf8(bytes).unwrap()
}

/// The answer to a whole request.
async fn ask(port: u16, path: &str) -> String {
    let mut client = connect(port).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).await.unwrap();
    rest(&mut client).await
}

/// Says the beginning, and then an octet from time to time, for as long as it is let.
async fn dawdle(port: u16, beginning: &str) -> Duration {
    let (mut from, mut to) = connect(port).await.into_split();
    to.write_all(beginning.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let send = async {
        while to.write_all(b"x").await.is_ok() {
            sleep(PATIENCE / 10).await;
        }
    };
    let hear = async {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes).await;
    };
    let ended = async {
        tokio::select! { () = send => (), () = hear => () }
    };
    timeout(LONGEST, ended).await.unwrap();
    begun.elapsed()
}

#[test]
fn who_dawdles_is_not_waited_for() {
    run(async {
        let port = serve(bounds()).await;
        let form = "POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n";
        for beginning in ["", "GET / HTTP/1.1\r\nHost: x\r\nX: ", form] {
            let lasted = dawdle(port, beginning).await;
            // The octets that came meanwhile bought no time.
            assert!(lasted >= PATIENCE / 2, "{beginning:?}: {lasted:?}");
            assert!(lasted < PATIENCE * 8, "{beginning:?}: {lasted:?}");
        }
        assert!(ask(port, "/").await.ends_with("well"));
    });
}

#[test]
fn who_keeps_a_connection_and_says_nothing_more_is_not_waited_for() {
    run(async {
        let port = serve(bounds()).await;
        let mut client = connect(port).await;
        for _ in 0..2 {
            client
                .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                .await
                .unwrap();
            let mut answer = [0; 512];
            let read = client.read(&mut answer).await.unwrap();
            assert!(answer[..read].ends_with(b"well"));
            // Each answer begins the time anew.
            sleep(PATIENCE * 2 / 3).await;
        }
        assert_eq!(rest(&mut client).await, "");
    });
}

#[test]
fn the_page_may_take_its_time() {
    run(async {
        let port = serve(bounds()).await;
        assert!(WORK > PATIENCE * 2);
        assert!(ask(port, "/slow").await.ends_with("done"));
    });
}

#[test]
fn a_large_form_is_taken_and_an_endless_head_is_not() {
    run(async {
        let port = serve(Bounds {
            head: 1024,
            ..Bounds::USUAL
        })
        .await;
        let mut client = connect(port).await;
        let form = format!(
            "POST /form HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n{}",
            "x".repeat(300_000)
        );
        client.write_all(form.as_bytes()).await.unwrap();
        assert!(rest(&mut client).await.ends_with("300000 bytes"));
        let mut client = connect(port).await;
        let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}", "x".repeat(300_000));
        // It may be ended before all of that was taken.
        let _ = client.write_all(head.as_bytes()).await;
        assert!(!rest(&mut client).await.contains("200 OK"));
    });
}

#[test]
fn the_one_that_is_waited_for_longest_makes_room() {
    run(async {
        let port = serve(Bounds {
            connections: 4,
            ..Bounds::USUAL
        })
        .await;
        let work = tokio::spawn(ask(port, "/slow"));
        // It is at work before the others come.
        sleep(WORK / 5).await;
        let mut silent = Vec::new();
        for _ in 0..20 {
            silent.push(connect(port).await);
            assert!(ask(port, "/").await.ends_with("well"));
        }
        for early in silent.iter_mut().take(17) {
            assert_eq!(rest(early).await, "");
        }
        // The page's own work is never given up for them.
        assert!(work.await.unwrap().ends_with("done"));
    });
}

#[test]
fn whoever_has_to_wait_for_the_pages_work_comes_in_right_after_it() {
    run(async {
        let port = serve(Bounds {
            connections: 2,
            ..Bounds::USUAL
        })
        .await;
        let mut busy = Vec::new();
        for _ in 0..2 {
            let mut client = connect(port).await;
            let request = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";
            client.write_all(request).await.unwrap();
            busy.push(client);
        }
        sleep(WORK / 5).await;
        // Both keep their connections, and say nothing more.
        let asked = timeout(WORK * 6, ask(port, "/")).await;
        assert!(asked.unwrap().ends_with("well"));
    });
}
