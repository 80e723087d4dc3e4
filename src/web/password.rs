//! Passwords, as Argon2id hashes with the parameters that OWASP names (19 MiB, two
//! passes, one lane), which are the crate's own defaults.

use anyhow::{Result, anyhow, ensure};
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use ring::rand::{SecureRandom, SystemRandom};

/// The shortest password, in characters.
pub const MIN_PASSWORD_CHARS: usize = 10;

/// The longest that is looked at, in bytes.
const LONGEST: usize = 1024;

/// A hash for the store, in the PHC string format.
///
/// # Errors
///
/// The password is shorter than [`MIN_PASSWORD_CHARS`] or longer than 1024 bytes.
pub fn hash(password: &str) -> Result<String> {
    ensure!(
        password.chars().count() >= MIN_PASSWORD_CHARS,
        "the password is shorter than {MIN_PASSWORD_CHARS} characters"
    );
    ensure!(
        password.len() <= LONGEST,
        "the password is longer than {LONGEST} bytes"
    );
    let salt = SaltString::encode_b64(&random::<16>()?).map_err(in_words)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(in_words)?.to_string())
}

/// Whether it is the password of that hash. Without a hash it takes as long and is
/// not: nobody learns by the clock which names there are.
pub(super) fn is_password(password: &str, hash: Option<&str>) -> Result<bool> {
    let Some(hash) = hash else {
        let _ = self::hash("a password of nobody")?;
        return Ok(false);
    };
    if password.len() > LONGEST {
        return Ok(false);
    }
    let hash = PasswordHash::new(hash).map_err(in_words)?;
    Ok(Argon2::default()
        .verify_password(password.as_bytes(), &hash)
        .is_ok())
}

/// Random bytes of the system.
pub(super) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow!("the system gives no random bytes"))?;
    Ok(bytes)
}

fn in_words(error: argon2::password_hash::Error) -> anyhow::Error {
    anyhow!("the password cannot be hashed: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_recognised_by_its_hash_alone() {
        let stored = hash("correct horse").unwrap();
        assert!(
            stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{stored}"
        );
        assert!(!stored.contains("correct"));
        assert_ne!(stored, hash("correct horse").unwrap());
        assert!(is_password("correct horse", Some(&stored)).unwrap());
        assert!(!is_password("correct horsf", Some(&stored)).unwrap());
        assert!(!is_password("a password of nobody", None).unwrap());
        assert!(!is_password(&"x".repeat(2000), Some(&stored)).unwrap());
        assert!(is_password("correct horse", Some("$1$md5")).is_err());
        assert!(hash("too short").is_err());
        assert!(hash(&"x".repeat(1025)).is_err());
    }
}
