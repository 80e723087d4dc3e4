//! Which operating system and which processor a builder's name tells of.
//!
//! Names are made by people: `AMD64 Fedora Stable 3.x`, `x86-64 macOS 3.x`,
//! `Tests / windows-latest (x64)`. So words are looked for, wherever they stand.

/// A word that rules use, and the words of builders that mean it: a whole word, or
/// with `*` behind it the beginning of one.
type Known = (&'static str, &'static [&'static str]);

const LINUX: &str = "linux";

const SYSTEMS: &[Known] = &[
    (LINUX, &["linux*", "manylinux*"]),
    ("fedora", &["fedora*"]),
    ("debian", &["debian*"]),
    ("ubuntu", &["ubuntu*"]),
    ("rhel", &["rhel*"]),
    ("centos", &["centos*"]),
    ("gentoo", &["gentoo"]),
    ("arch", &["arch"]),
    ("suse", &["suse", "opensuse", "sles*"]),
    ("alpine", &["alpine*"]),
    ("raspbian", &["raspbian*"]),
    ("windows", &["windows*", "win*"]),
    ("macos", &["macos*", "osx*", "darwin*"]),
    ("freebsd", &["freebsd*"]),
    ("openbsd", &["openbsd*"]),
    ("netbsd", &["netbsd*"]),
    ("dragonflybsd", &["dragonflybsd*"]),
    ("solaris", &["solaris*", "openindiana", "illumos", "sunos"]),
    ("aix", &["aix*"]),
    ("android", &["android*"]),
    ("ios", &["ios*"]),
    ("emscripten", &["emscripten*"]),
    ("wasi", &["wasi*"]),
    ("cygwin", &["cygwin*"]),
];

/// What is a Linux besides what says so.
const LINUXES: &[&str] = &[
    "fedora", "debian", "ubuntu", "rhel", "centos", "gentoo", "arch", "suse", "alpine", "raspbian",
];

const PROCESSORS: &[Known] = &[
    ("amd64", &["amd64", "x86-64", "x86_64", "x64"]),
    ("x86", &["x86", "i386", "i586", "i686", "win32"]),
    ("arm64", &["arm64", "aarch64"]),
    ("arm", &["arm", "arm32", "armv6*", "armv7*", "armhf"]),
    ("ppc64le", &["ppc64le", "powerpc64le"]),
    ("ppc64", &["ppc64", "powerpc64"]),
    ("s390x", &["s390x"]),
    ("riscv64", &["riscv64", "risc-v", "riscv"]),
    ("loongarch64", &["loongarch64", "loongarch"]),
    ("mips", &["mips*"]),
    ("sparc", &["sparc*"]),
    ("wasm32", &["wasm*"]),
];

/// Every word for a system.
pub(super) fn systems() -> Vec<&'static str> {
    SYSTEMS.iter().map(|(name, _)| *name).collect()
}

/// Every word for a processor.
pub(super) fn processors() -> Vec<&'static str> {
    PROCESSORS.iter().map(|(name, _)| *name).collect()
}

/// The systems of a builder; of a Linux both `linux` and which one.
pub(super) fn systems_of(builder: &str) -> Vec<&'static str> {
    let mut systems = told(builder, SYSTEMS);
    let is_linux = systems.iter().any(|system| LINUXES.contains(system));
    if is_linux && !systems.contains(&LINUX) {
        systems.push(LINUX);
    }
    systems
}

/// The processors of a builder.
pub(super) fn processors_of(builder: &str) -> Vec<&'static str> {
    let mut processors = told(builder, PROCESSORS);
    // `x86-64` has the word of the smaller one in it.
    if processors.contains(&"amd64") {
        processors.retain(|processor| *processor != "x86");
    }
    processors
}

fn told(builder: &str, known: &[Known]) -> Vec<&'static str> {
    let builder = builder.to_ascii_lowercase();
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let wholes = builder.split(|c: char| !is_part(c));
    // Whole ones, `x86-64`, and the parts of others: `wasm32-wasi`.
    let words: Vec<&str> = wholes
        .flat_map(|word| std::iter::once(word).chain(word.split('-')))
        .collect();
    let means = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => words.iter().any(|word| word.starts_with(start)),
        None => words.contains(&pattern),
    };
    known
        .iter()
        .filter(|(_, patterns)| patterns.iter().any(|pattern| means(pattern)))
        .map(|(name, _)| *name)
        .collect()
}
