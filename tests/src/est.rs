//! An EST client of our own (RFC 7030): one connection per request over OpenSSL, which tells of its channel bindings.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chancery_pki::{Certificate, PrivateKey, parse_certs_only};
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVersion};
use openssl::x509::X509;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Clone, Debug)]
pub struct EstAnswer {
    /// HTTP status.
    pub status: u16,
    /// Status line and headers as they came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl EstAnswer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The certificates of a certs-only answer.
    ///
    /// # Panics
    /// When it is none.
    #[track_caller]
    pub fn certificates(&self) -> Vec<Certificate> {
        assert_eq!(self.status, 200, "{} {}", self.head, self.text());
        let packed: Vec<u8> = self.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
        parse_certs_only(&STANDARD.decode(packed).expect("Base64")).expect("a certs-only message")
    }

    /// The one certificate of an answer to an enrolment.
    ///
    /// # Panics
    /// When there is another number of them.
    #[track_caller]
    pub fn certificate(&self) -> Certificate {
        let certificates = self.certificates();
        assert_eq!(certificates.len(), 1);
        certificates[0].clone()
    }
}

/// A client.
#[derive(Clone)]
pub struct EstClient {
    address: SocketAddr,
    root: PathBuf,
    label: Option<String>,
    identity: Option<(Vec<Certificate>, Vec<u8>)>,
    authorization: Option<String>,
    version: Option<SslVersion>,
}

impl EstClient {
    /// Of the server whose mtls listener is at `address`, below this root.
    pub fn new(address: SocketAddr, root: impl Into<PathBuf>) -> Self {
        Self { address, root: root.into(), label: None, identity: None, authorization: None, version: None }
    }

    /// At a label.
    #[must_use]
    pub fn label(mut self, label: &str) -> Self {
        self.label = Some(label.into());
        self
    }

    /// With a client certificate and, behind it, its chain.
    #[must_use]
    pub fn identity(mut self, chain: &[Certificate], key: &PrivateKey) -> Self {
        self.identity = Some((chain.to_vec(), key.to_pkcs8_der().to_vec()));
        self
    }

    /// With HTTP Basic.
    #[must_use]
    pub fn basic(mut self, user: &str, password: &str) -> Self {
        self.authorization = Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
        self
    }

    /// With this Authorization header.
    #[must_use]
    pub fn authorization(mut self, header: &str) -> Self {
        self.authorization = Some(header.into());
        self
    }

    /// By TLS 1.2 alone.
    #[must_use]
    pub fn tls12(mut self) -> Self {
        self.version = Some(SslVersion::TLS1_2);
        self
    }

    /// Shake hands.
    ///
    /// # Errors
    /// What TLS says.
    pub fn connect(&self) -> anyhow::Result<EstConnection> {
        let mut builder = SslConnector::builder(SslMethod::tls())?;
        builder.set_ca_file(&self.root)?;
        if let Some(version) = self.version {
            builder.set_max_proto_version(Some(version))?;
        }
        if let Some((chain, key)) = &self.identity {
            builder.set_private_key(PKey::private_key_from_der(key)?.as_ref())?;
            for (index, certificate) in chain.iter().enumerate() {
                let certificate = X509::from_der(certificate.der())?;
                if index == 0 {
                    builder.set_certificate(&certificate)?;
                } else {
                    builder.add_extra_chain_cert(certificate)?;
                }
            }
        }
        let socket = TcpStream::connect(self.address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let stream = builder.build().connect(&self.address.ip().to_string(), socket)?;
        Ok(EstConnection { stream, client: self.clone() })
    }

    /// Ask once, on a connection of its own.
    ///
    /// # Panics
    /// When the connection breaks.
    #[track_caller]
    pub fn ask(&self, method: &str, operation: &str, headers: &[(&str, &str)], body: &[u8]) -> EstAnswer {
        self.connect().expect("a connection").ask(method, operation, headers, body).expect("an answer")
    }

    /// Read something.
    #[track_caller]
    pub fn get(&self, operation: &str) -> EstAnswer {
        self.ask("GET", operation, &[], &[])
    }

    /// Send a request in DER.
    #[track_caller]
    pub fn enrol(&self, der: &[u8]) -> EstAnswer {
        self.connect().expect("a connection").enrol("simpleenroll", der)
    }

    /// Send a request in DER, to succeed the client certificate.
    #[track_caller]
    pub fn reenrol(&self, der: &[u8]) -> EstAnswer {
        self.connect().expect("a connection").enrol("simplereenroll", der)
    }
}

/// A connection, kept open from one request to the next.
pub struct EstConnection {
    stream: SslStream<TcpStream>,
    client: EstClient,
}

impl EstConnection {
    /// tls-unique (RFC 5929 section 3) of this connection, made by a full handshake of TLS 1.2: the client's Finished.
    pub fn tls_unique(&self) -> Vec<u8> {
        let mut finished = [0; 64];
        let length = self.stream.ssl().finished(&mut finished);
        finished[..length].to_vec()
    }

    /// tls-exporter (RFC 9266 section 2).
    ///
    /// # Panics
    /// When the library refuses.
    pub fn exporter(&self) -> [u8; 32] {
        let mut exported = [0; 32];
        let label = "EXPORTER-Channel-Binding";
        self.stream.ssl().export_keying_material(&mut exported, label, Some(&[])).expect("an exporter");
        exported
    }

    /// Send a request in DER.
    ///
    /// # Panics
    /// When the connection breaks.
    #[track_caller]
    pub fn enrol(&mut self, operation: &str, der: &[u8]) -> EstAnswer {
        let headers = [("Content-Type", "application/pkcs10")];
        self.ask("POST", operation, &headers, STANDARD.encode(der).as_bytes()).expect("an answer")
    }

    /// Ask.
    ///
    /// # Errors
    /// The connection broke.
    pub fn ask(
        &mut self,
        method: &str,
        operation: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<EstAnswer> {
        let label = self.client.label.as_ref().map(|label| format!("{label}/")).unwrap_or_default();
        self.ask_at(method, &format!("/.well-known/est/{label}{operation}"), headers, body)
    }

    /// Ask at any path.
    ///
    /// # Errors
    /// The connection broke.
    pub fn ask_at(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> anyhow::Result<EstAnswer> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.client.address);
        if let Some(authorization) = &self.client.authorization {
            text += &format!("Authorization: {authorization}\r\n");
        }
        for (name, value) in headers {
            text += &format!("{name}: {value}\r\n");
        }
        if method == "POST" || !body.is_empty() {
            text += &format!("Content-Length: {}\r\n", body.len());
        }
        text += "\r\n";
        self.stream.write_all(&[text.as_bytes(), body].concat())?;
        self.stream.flush()?;
        self.read(method == "HEAD")
    }

    fn read(&mut self, head_only: bool) -> anyhow::Result<EstAnswer> {
        let mut bytes = Vec::new();
        let mut byte = [0; 1];
        while !bytes.ends_with(b"\r\n\r\n") {
            if self.stream.read(&mut byte)? == 0 {
                anyhow::bail!("the connection was closed after {:?}", String::from_utf8_lossy(&bytes));
            }
            bytes.push(byte[0]);
        }
        let head = String::from_utf8(bytes)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut answer = EstAnswer { status, head, body: Vec::new() };
        if head_only || matches!(status, 204 | 304) {
            return Ok(answer);
        }
        // RFC 7030 clients read no chunks: every answer says how long it is.
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        let length: usize = length.ok_or_else(|| anyhow::anyhow!("no Content-Length: {}", answer.head))?;
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body)?;
        Ok(answer)
    }
}
