//! Sockets, TLS and HTTP.

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Extension, Router, middleware};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket},
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

use crate::{control, endpoint, guard, options::Options, page, response::Scheme, shared::Shared};

/// The accept queue's length: after a restart of the hub all its clients connect at once.
const BACKLOG: u32 = 1024;

/// An address that the hub listens on.
pub(crate) struct Listener {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
    /// `http://` or `https://` with the actual port.
    pub(crate) url: String,
}

/// Binds the addresses of the options, the main one first.
pub(crate) fn bind(options: &Options) -> io::Result<Vec<Listener>> {
    let tls = tls(options)?;
    let mut listeners = vec![Listener::bind(options.listen, tls)?];
    if let Some(plain) = options.plain {
        listeners.push(Listener::bind(plain, None)?);
    }
    Ok(listeners)
}

impl Listener {
    fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restarted hub takes its predecessor's port, where connections linger. On Windows this option would
        // let two hubs share a port.
        #[cfg(unix)]
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let tcp = socket.listen(BACKLOG)?;
        let url = format!("{}://{}", if tls.is_some() { "https" } else { "http" }, tcp.local_addr()?);
        Ok(Self { tcp, tls, url })
    }

    /// Accepts and serves, forever.
    pub(crate) async fn serve(self, shared: Arc<Shared>) {
        let scheme = Scheme(if self.tls.is_some() { "https" } else { "http" });
        let router: Router = endpoint::routes(&shared)
            .merge(
                control::routes()
                    .merge(page::routes())
                    .layer(middleware::from_fn_with_state(Arc::clone(&shared), guard::check)),
            )
            .layer(Extension(scheme))
            .with_state(Arc::clone(&shared));
        loop {
            // An error here concerns one connection, or too many open ones: the next may succeed.
            let Ok((stream, _)) = self.tcp.accept().await else {
                sleep(Duration::from_millis(10)).await;
                continue;
            };
            // Without this, small pushes would wait for the client's acknowledgements.
            let _ = stream.set_nodelay(true);
            let (router, tls, shared) = (router.clone(), self.tls.clone(), Arc::clone(&shared));
            tokio::spawn(async move {
                match tls {
                    None => serve_http(stream, router).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => serve_http(stream, router).await,
                        Err(error) => shared.note(format_args!("no TLS: {error}")),
                    },
                }
            });
        }
    }
}

async fn serve_http(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, router: Router) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
    // A client that aborts HTTP affects no other.
    let _ = connection.await;
}

fn tls(options: &Options) -> io::Result<Option<TlsAcceptor>> {
    let (cert, key) = match (&options.self_signed, &options.cert, &options.cert_key) {
        (Some(folder), ..) => {
            write_self_signed(folder)?;
            (folder.join("cert.pem"), folder.join("key.pem"))
        }
        (None, Some(cert), Some(key)) => (cert.clone(), key.clone()),
        _ => return Ok(None),
    };
    let chain: Vec<_> = CertificateDer::pem_file_iter(&cert)
        .and_then(Iterator::collect)
        .map_err(|error| invalid(format!("{}: {error}", cert.display())))?;
    let key =
        PrivateKeyDer::from_pem_file(&key).map_err(|error| invalid(format!("{}: {error}", key.display())))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(invalid)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

/// Creates a certificate authority, and with it a certificate for this machine's own names.
fn write_self_signed(folder: &Path) -> io::Result<()> {
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "sonoran-hub test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority =
        KeyPair::generate().and_then(|key| CertifiedIssuer::self_signed(authority, key)).map_err(invalid)?;

    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let key = KeyPair::generate().map_err(invalid)?;
    let certificate = CertificateParams::new(names)
        .and_then(|params| params.signed_by(&key, &authority))
        .map_err(invalid)?;

    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), authority.pem())?;
    fs::write(folder.join("cert.pem"), certificate.pem())?;
    fs::write(folder.join("key.pem"), key.serialize_pem())
}

fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}
