//! The program: everything is in the library, so that tests and the program run
//! the same code.

fn main() -> std::process::ExitCode {
    buildbot_watch::cli::main()
}
