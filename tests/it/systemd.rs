//! The unit file, checked without a running systemd (package `systemd`).

mod page;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const UNIT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/systemd/buildbot-watch.service"
);
const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/config.example.toml");

fn systemd_analyze(arguments: &[&str]) -> Output {
    Command::new("systemd-analyze")
        .args(arguments)
        .env("SYSTEMD_COLORS", "0")
        .output()
        .unwrap_or_else(|error| panic!("systemd-analyze: {error}; run tests/run"))
}

/// `verify` exits with 0 on unknown settings, so its standard error counts. The
/// unit is checked with the program that was built in the place of the installed one.
#[test]
fn the_unit_is_understood_completely() {
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("buildbot-watch.service");
    let text = fs::read_to_string(UNIT).unwrap();
    let program = env!("CARGO_BIN_EXE_buildbot-watch");
    assert!(Path::new(program).exists());
    fs::write(
        &unit,
        text.replace("/usr/local/bin/buildbot-watch", program),
    )
    .unwrap();

    let output = systemd_analyze(&["verify", unit.to_str().unwrap()]);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(output.status.success(), "{output:?}");

    // The check itself notices what it is for.
    let broken = text
        .replace("/usr/local/bin/buildbot-watch", program)
        .replace("WatchdogSec=", "WatchdogSeconds=");
    fs::write(&unit, broken).unwrap();
    let output = systemd_analyze(&["verify", unit.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("WatchdogSeconds"));
}

/// The threshold is in tenths: 1.5 or better.
#[test]
fn the_service_is_shut_in() {
    let output = systemd_analyze(&[
        "security",
        "--offline=true",
        "--no-pager",
        "--threshold=15",
        UNIT,
    ]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("Overall exposure level"), "{told}");
}

/// A credential that only one of the two files names would never be found.
#[test]
fn the_unit_loads_the_credentials_of_the_example() {
    let unit = fs::read_to_string(UNIT).unwrap();
    let mut loaded: Vec<&str> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("LoadCredential=")?.split(':').next())
        .collect();
    loaded.sort_unstable();
    let config = fs::read_to_string(CONFIG).unwrap();
    let mut named: Vec<&str> = config
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once("{ credential = \"")?.1.split('"').next())
        .collect();
    named.sort_unstable();
    assert_eq!(loaded, named);
}
