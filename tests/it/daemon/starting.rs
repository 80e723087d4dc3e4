//! Ready, alive, the only one.

use std::os::unix::net::UnixDatagram;

use crate::daemon::support::{
    change, program_with, reroute, says_times, setup, stops_by, unreachable_port, without_tracker,
};
use crate::service::{PATIENCE, Service, Setup};
use crate::world::{eventually, run, world};

/// What systemd would hear.
struct Notified {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Notified {
    fn listen(setup: &Setup) -> Self {
        let socket = UnixDatagram::bind(setup.folder.path().join("notify")).expect("a socket");
        socket.set_nonblocking(true).expect("a mode");
        Self {
            socket,
            heard: Vec::new(),
        }
    }

    /// How often something was said so far.
    fn count(&mut self, words: &str) -> usize {
        let mut buffer = [0; 4096];
        while let Ok(read) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..read]);
            self.heard.extend(text.lines().map(ToOwned::to_owned));
        }
        self.heard.iter().filter(|line| *line == words).count()
    }

    async fn hears(&mut self, words: &str, times: usize) {
        eventually(PATIENCE, || (self.count(words) >= times).then_some(())).await;
    }
}

#[test]
fn it_is_ready_and_alive_although_every_server_is_away() {
    run(async {
        let setup = setup("away", "t5").await;
        reroute(&setup, world().mail.imaps_port, unreachable_port());
        reroute(&setup, world().mail.submissions_port, unreachable_port());
        let tracker = &world().roundup.trackers[&setup.tracker];
        let nowhere = format!("http://127.0.0.1:{}/t5/", unreachable_port());
        change(&setup, tracker, &nowhere);
        let mut notified = Notified::listen(&setup);
        let socket = setup.folder.path().join("notify");
        let socket = socket.to_str().expect("a path");
        let variables = [("NOTIFY_SOCKET", socket), ("WATCHDOG_USEC", "1500000")];
        let service = Service::start_as(&setup, program_with(&variables));
        notified.hears("READY=1", 1).await;
        let list = setup.list.replace('@', ".");
        assert_eq!(notified.count(&format!("STATUS=watching {list}")), 1);
        // A ping each half second: the servers were tried several times meanwhile.
        notified.hears("WATCHDOG=1", 12).await;
        assert_eq!(notified.count("STOPPING=1"), 0);

        let log = stops_by(service, "TERM").await;
        assert_eq!(notified.count("STOPPING=1"), 1, "{:?}", notified.heard);
        for once in [
            "the tracker cannot be read",
            "the mailbox cannot be read",
            "connecting again",
        ] {
            assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
        }
    });
}

#[test]
fn there_is_one_daemon_on_a_database_and_a_new_one_after_a_kill() {
    run(async {
        let setup = without_tracker("lock").await;
        let mut first = Service::start(&setup);
        first.says("first start").await;
        let mut second = Service::start(&setup);
        let status = second.ended().await;
        assert!(!status.success());
        let holder = std::fs::read_to_string(setup.folder.path().join("state/daemon.lock"));
        let words = format!(
            "another buildbot-watch daemon (pid {})",
            holder.unwrap().trim()
        );
        assert!(second.log().contains(&words), "{words}: {}", second.log());
        assert!(first.is_running());

        first.signal("KILL");
        first.ended().await;
        let before = first.log().matches("ready").count();
        let mut third = Service::start(&setup);
        says_times(&mut third, "ready", before + 1).await;
        stops_by(third, "INT").await;
    });
}
