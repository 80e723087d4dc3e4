//! A stand-in for a server of IRC that knows accounts (ngIRCd has none): what it
//! answers follows from what it is told.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use buildbot_watch::domain::secret::Secret;
use buildbot_watch::irc::{IrcSettings, Login, Timeouts};
use rustls::DistinguishedName;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::world::world;

/// What kind of server it is.
#[derive(Clone)]
pub(super) struct Nature {
    pub(super) accounts: BTreeMap<String, String>,
    /// Of each known certificate the account, by its SHA-256.
    pub(super) certificates: BTreeMap<Vec<u8>, String>,
    /// The lines in which it lists what it can do.
    pub(super) offers: &'static [&'static str],
    /// It ends every connection with these words.
    pub(super) ends: Option<&'static str>,
}

pub(super) struct StandIn {
    pub(super) port: u16,
    pub(super) said: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    pub(super) async fn start(nature: Nature) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let shared = said.clone();
        let acceptor = acceptor();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (nature, said) = (nature.clone(), shared.clone());
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        let shown = tls.get_ref().1.peer_certificates();
                        let shown = shown.and_then(|chain| chain.first());
                        let visit = Visit {
                            fingerprint: shown.map(|it| fingerprint(it)),
                            stream: BufReader::new(tls),
                            nature,
                            mechanism: String::new(),
                            nick: None,
                            login: String::new(),
                            is_in: false,
                            negotiates: false,
                            account: None,
                        };
                        visit.serve(&said).await;
                    }
                });
            }
        });
        Self { port, said }
    }

    pub(super) fn settings(&self, user: &str, password: &str) -> IrcSettings {
        let login = Login::Password {
            user: user.to_owned(),
            password: Secret::new(password.to_owned()),
        };
        settings(self.port, Some(login))
    }
}

/// To come to a server on this machine as `watch`.
pub(super) fn settings(port: u16, login: Option<Login>) -> IrcSettings {
    IrcSettings {
        host: world().host.clone(),
        port,
        tls: world().tls_config(),
        nick: "watch".to_owned(),
        login,
        channel: "#watch".to_owned(),
        key: None,
        timeouts: Timeouts {
            enter: Duration::from_secs(20),
            ..Timeouts::USUAL
        },
    }
}

/// A certificate signed by itself, with its key, as PEM.
pub(super) fn new_certificate(name: &str) -> Secret {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("irc.pem");
    let words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3";
    let made = Command::new("openssl")
        .args(words.split(' '))
        .args(["-subj", &format!("/CN={name}")])
        .arg("-keyout")
        .arg(&pem)
        .arg("-out")
        .arg(folder.path().join("only"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    Secret::new(read("irc.pem") + &read("only"))
}

pub(super) fn fingerprint(certificate: &[u8]) -> Vec<u8> {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    digest.as_ref().to_vec()
}

/// Asks for a certificate and takes any: who it is of is seen later.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn acceptor() -> TlsAcceptor {
    let tls = &world().tls;
    let chain = CertificateDer::pem_file_iter(&tls.cert)
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(&tls.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(Anybody(provider)))
        .with_single_cert(chain, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// One connection.
struct Visit {
    stream: BufReader<TlsStream<TcpStream>>,
    nature: Nature,
    /// Of the certificate that was shown.
    fingerprint: Option<Vec<u8>>,
    /// How it logs in.
    mechanism: String,
    nick: Option<String>,
    /// The pieces of the login so far.
    login: String,
    is_in: bool,
    /// Nobody is let in before they said that they have asked for all they want.
    negotiates: bool,
    account: Option<String>,
}

impl Visit {
    async fn serve(mut self, said: &Mutex<Vec<String>>) {
        if let Some(words) = self.nature.ends {
            self.tell(&format!("ERROR :{words}")).await;
            return;
        }
        let mut line = String::new();
        while let Ok(1..) = self.stream.read_line(&mut line).await {
            let words: Vec<String> = line.trim_end().split(' ').map(str::to_owned).collect();
            let part = |index: usize| words.get(index).map_or("", String::as_str).to_owned();
            match part(0).as_str() {
                "CAP" => self.capability(&part(1), &part(2)).await,
                "NICK" => self.nick = Some(part(1)),
                "USER" => {}
                "AUTHENTICATE" => self.authenticate(&part(1)).await,
                "PING" => {
                    let token = part(1);
                    self.tell(&format!(":stand.in PONG stand.in {token}")).await;
                }
                "JOIN" if self.account.is_none() => {
                    self.tell(":stand.in 477 watch #watch :You need to be identified")
                        .await;
                }
                "JOIN" => self.tell(":watch!u@h JOIN #watch").await,
                "PRIVMSG" => said.lock().unwrap().push(line.trim_end().to_owned()),
                _ => {}
            }
            self.welcome().await;
            line.clear();
        }
    }

    async fn tell(&mut self, line: &str) {
        let _ = self
            .stream
            .write_all(format!("{line}\r\n").as_bytes())
            .await;
        let _ = self.stream.flush().await;
    }

    async fn welcome(&mut self) {
        if let (Some(nick), false, false) = (self.nick.clone(), self.negotiates, self.is_in) {
            self.is_in = true;
            self.tell(&format!(":stand.in 001 {nick} :Welcome")).await;
        }
    }

    async fn capability(&mut self, what: &str, which: &str) {
        match what {
            "LS" => {
                self.negotiates = true;
                let lines = self.nature.offers;
                for (index, offer) in lines.iter().enumerate() {
                    let more = if index + 1 < lines.len() { "* " } else { "" };
                    self.tell(&format!(":stand.in CAP * LS {more}:{offer}"))
                        .await;
                }
            }
            "REQ" => {
                let which = which.trim_start_matches(':');
                let word = if which == "sasl" { "ACK" } else { "NAK" };
                self.tell(&format!(":stand.in CAP * {word} :{which}")).await;
            }
            "END" => self.negotiates = false,
            _ => {}
        }
    }

    async fn authenticate(&mut self, piece: &str) {
        if ["PLAIN", "EXTERNAL"].contains(&piece) {
            self.mechanism = piece.to_owned();
            return self.tell("AUTHENTICATE +").await;
        }
        if piece.len() > 400 {
            return self.tell(":stand.in 905 * :SASL message too long").await;
        }
        self.login.push_str(piece.trim_matches('+'));
        if piece.len() == 400 {
            return;
        }
        // What a mail parser makes of base64 is what the RFC says.
        let mail = format!(
            "Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            self.login
        );
        let mail = mail_parser::MessageParser::new()
            .parse(mail.as_bytes())
            .unwrap();
        let text = String::from_utf8(mail.body_text(0).unwrap().into_owned().into_bytes()).unwrap();
        self.account = match self.mechanism.as_str() {
            "EXTERNAL" => self.by_certificate(text.trim_end()),
            _ => self.by_password(text.trim_end_matches(['\r', '\n'])),
        };
        if self.account.is_some() {
            self.tell(":stand.in 900 * watch!u@h watch :You are now logged in")
                .await;
            self.tell(":stand.in 903 * :SASL authentication successful")
                .await;
        } else {
            self.tell(":stand.in 904 * :SASL authentication failed")
                .await;
        }
    }
}

impl Visit {
    fn by_password(&self, text: &str) -> Option<String> {
        let parts: Vec<&str> = text.split('\0').collect();
        let [_, user, password] = parts.as_slice() else {
            return None;
        };
        let known = self.nature.accounts.get(*user)?;
        (known == password).then(|| (*user).to_owned())
    }

    /// The account of the certificate, if it is the one that is wanted.
    fn by_certificate(&self, wanted: &str) -> Option<String> {
        let shown = self.fingerprint.as_ref()?;
        let account = self.nature.certificates.get(shown)?;
        (wanted.is_empty() || wanted == account).then(|| account.clone())
    }
}
