//! One system call of a stopped process, and what its arguments mean.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// The numbers of a call: at its entry all but the result, at its exit only that.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    process: Pid,
    number: i64,
    arguments: [u64; 4],
    pub result: i64,
}

/// A call that another process or the disk can notice.
#[derive(Debug)]
pub enum What {
    Connect {
        port: u16,
    },
    Send {
        socket: String,
        bytes: Vec<u8>,
    },
    Receive {
        socket: String,
    },
    Shutdown {
        socket: String,
    },
    Write {
        file: PathBuf,
        bytes: Vec<u8>,
        length: u64,
        at: u64,
    },
    Sync {
        file: PathBuf,
    },
    Truncate {
        file: PathBuf,
    },
    Rename {
        file: PathBuf,
    },
    Unlink {
        file: PathBuf,
    },
}

/// So much of what is sent or written is looked at.
const LOOKED_AT: u64 = 256;

impl Call {
    #[cfg(target_arch = "x86_64")]
    pub fn of(process: Pid) -> Option<Self> {
        let it = ptrace::getregs(process).ok()?;
        Some(Self {
            process,
            number: it.orig_rax.cast_signed(),
            arguments: [it.rdi, it.rsi, it.rdx, it.r10],
            result: it.rax.cast_signed(),
        })
    }

    #[cfg(target_arch = "aarch64")]
    pub fn of(process: Pid) -> Option<Self> {
        let it = ptrace::getregs(process).ok()?;
        Some(Self {
            process,
            number: it.regs[8].cast_signed(),
            arguments: [it.regs[0], it.regs[1], it.regs[2], it.regs[3]],
            result: it.regs[0].cast_signed(),
        })
    }

    /// What it is, if anybody can notice it.
    pub fn what(&self) -> Option<What> {
        let [first, second, third, fourth] = self.arguments;
        Some(match self.number {
            libc::SYS_connect => {
                let address = self.memory(second, 4);
                let [_, _, high, low] = address.try_into().ok()?;
                let port = u16::from_be_bytes([high, low]);
                What::Connect { port }
            }
            libc::SYS_sendto | libc::SYS_write => What::Send {
                socket: self.socket()?,
                bytes: self.memory(second, third),
            },
            libc::SYS_writev => What::Send {
                socket: self.socket()?,
                bytes: self.pieces(second, third),
            },
            libc::SYS_sendmsg => What::Send {
                socket: self.socket()?,
                bytes: self.pieces(self.word(second + 16), self.word(second + 24)),
            },
            libc::SYS_recvfrom | libc::SYS_read | libc::SYS_readv | libc::SYS_recvmsg => {
                let socket = self.socket()?;
                What::Receive { socket }
            }
            libc::SYS_shutdown => What::Shutdown {
                socket: self.socket()?,
            },
            libc::SYS_pwrite64 => What::Write {
                file: self.file()?,
                bytes: self.memory(second, third),
                length: third,
                at: fourth,
            },
            libc::SYS_fsync | libc::SYS_fdatasync => What::Sync { file: self.file()? },
            libc::SYS_ftruncate => What::Truncate { file: self.file()? },
            libc::SYS_renameat | libc::SYS_renameat2 => What::Rename {
                file: self.path(second),
            },
            libc::SYS_unlinkat => What::Unlink {
                file: self.path(second),
            },
            _ => return self.what_old(first),
        })
    }

    /// Calls that younger processors do not have.
    #[cfg(target_arch = "x86_64")]
    fn what_old(&self, first: u64) -> Option<What> {
        let file = || self.path(first);
        match self.number {
            libc::SYS_rename => Some(What::Rename { file: file() }),
            libc::SYS_unlink => Some(What::Unlink { file: file() }),
            _ => None,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn what_old(&self, _first: u64) -> Option<What> {
        None
    }

    fn memory(&self, address: u64, length: u64) -> Vec<u8> {
        let length = length.min(LOOKED_AT).try_into().expect("a small number");
        let mut bytes = vec![0; length];
        // Opened each time: a program that is executed has another one.
        let read = File::open(format!("/proc/{}/mem", self.process))
            .and_then(|memory| memory.read_at(&mut bytes, address));
        bytes.truncate(read.unwrap_or(0));
        bytes
    }

    fn word(&self, address: u64) -> u64 {
        let bytes = self.memory(address, 8).try_into();
        bytes.map_or(0, u64::from_ne_bytes)
    }

    /// What an array of `iovec` names.
    fn pieces(&self, address: u64, count: u64) -> Vec<u8> {
        let each = (0..count.min(8)).map(|piece| address + piece * 16);
        each.flat_map(|piece| self.memory(self.word(piece), self.word(piece + 8)))
            .collect()
    }

    fn path(&self, address: u64) -> PathBuf {
        let bytes = self.memory(address, LOOKED_AT);
        let path = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        PathBuf::from(String::from_utf8_lossy(path).into_owned())
    }

    /// What the first argument, a file descriptor, stands for.
    fn file(&self) -> Option<PathBuf> {
        std::fs::read_link(format!("/proc/{}/fd/{}", self.process, self.arguments[0])).ok()
    }

    fn socket(&self) -> Option<String> {
        let file = self.file()?;
        let number = file.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        Some(number.to_owned())
    }
}

/// One line of the kernel's table of connections.
fn connection(process: Pid, socket: &str) -> Option<Vec<String>> {
    let lines = ["tcp", "tcp6"].iter().filter_map(|table| {
        let table = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).ok()?;
        let mut lines = table.lines().map(|line| line.split_whitespace());
        let line = lines.find(|line| line.clone().nth(9) == Some(socket))?;
        Some(line.map(str::to_owned).collect())
    });
    lines.into_iter().next()
}

/// The port at the other end.
pub fn remote_port(process: Pid, socket: &str) -> Option<u16> {
    let line = connection(process, socket)?;
    let (_, port) = line.get(2)?.rsplit_once(':')?;
    u16::from_str_radix(port, 16).ok()
}

/// How many bytes have come that were not read yet.
pub fn unread(process: Pid, socket: &str) -> u64 {
    let line = connection(process, socket);
    let queues = line.as_ref().and_then(|line| line.get(4)?.split_once(':'));
    queues.map_or(0, |(_, unread)| {
        u64::from_str_radix(unread, 16).unwrap_or(0)
    })
}
