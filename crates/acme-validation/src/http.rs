//! One HTTP exchange: RFC 9112, as little as http-01 needs, bounded everywhere.

use chancery_acme::ProblemType;
use chancery_acme::port::AttemptFailed;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, CONNECTION, HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use url::{Position, Url};

use crate::dial::Stream;
use crate::passing_failure;

/// Bytes of an answer's head, and how many headers it may have.
const LARGEST_HEAD: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// A key authorization has 87 bytes; nothing longer than this is read.
pub(crate) const LONGEST_BODY: usize = 128;

/// What is looked at of an answer.
pub(crate) enum Answer {
    /// 200 with a body that is short enough.
    Body(Vec<u8>),
    /// 200 with one that is not.
    TooLong,
    /// 301, 302, 307, 308, with the value of Location where that is text.
    Redirect(Option<String>),
    /// Another status.
    Status(u16),
}

/// GET over a connection that is there already.
///
/// # Errors
/// `connection`: it broke, or what came is not HTTP/1.
pub(crate) async fn get(stream: Stream, url: &Url) -> Result<Answer, AttemptFailed> {
    let failed = |_: hyper::Error| {
        let host = url.host_str().unwrap_or_default();
        passing_failure(
            ProblemType::Connection,
            format!("{host} closed the connection early, or what it answered is not HTTP/1.1"),
        )
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(LARGEST_HEAD)
        .max_headers(MOST_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let request = request(url)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(failed)?;
        read(response).await.map_err(failed)
    };
    tokio::pin!(exchange, connection);
    // The connection is driven here and not in a task, so that it ends with the attempt.
    tokio::select! {
        answer = &mut exchange => answer,
        _ = &mut connection => exchange.await,
    }
}

fn request(url: &Url) -> Result<Request<Empty<Bytes>>, AttemptFailed> {
    let odd = || crate::final_failure(ProblemType::Connection, "its URL cannot be asked for over HTTP");
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| odd())?;
    let headers = request.headers_mut();
    let host = &url[Position::BeforeHost..Position::AfterPort];
    headers.insert(HOST, HeaderValue::from_str(host).map_err(|_| odd())?);
    headers.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("chancery/", env!("CARGO_PKG_VERSION"), " (ACME validation)")),
    );
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Ok(request)
}

async fn read(response: Response<Incoming>) -> Result<Answer, hyper::Error> {
    match response.status().as_u16() {
        200 => body(response.into_body()).await,
        301 | 302 | 307 | 308 => {
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            Ok(Answer::Redirect(location.map(str::to_owned)))
        }
        status => Ok(Answer::Status(status)),
    }
}

async fn body(mut body: Incoming) -> Result<Answer, hyper::Error> {
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return Ok(Answer::TooLong);
    }
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if read.len() + data.len() > LONGEST_BODY {
                return Ok(Answer::TooLong);
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(Answer::Body(read))
}
