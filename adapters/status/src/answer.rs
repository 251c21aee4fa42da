//! One document, to a client that may have it already (RFC 9110 section 13).

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, ETAG, HttpDate, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use actix_web::web::Bytes;
use time::{Duration, OffsetDateTime};

/// How long caches remember that there is nothing: short, for a new CA shows at once.
const UNKNOWN_AGE: i64 = 60;

/// A document to give out.
pub struct Document {
    /// Its media type.
    pub content_type: &'static str,
    /// Changes when the content does; without quotes.
    pub etag: String,
    /// When it was made.
    pub modified: OffsetDateTime,
    /// How long a cache may keep it.
    pub fresh: Duration,
    /// The document.
    pub content: Bytes,
}

impl Document {
    /// 200 with the document, or 304 when the client has it.
    pub fn answer(self, request: &HttpRequest) -> HttpResponse {
        let mut answer = if self.is_known_to(request) {
            HttpResponse::NotModified()
        } else {
            let mut answer = HttpResponse::Ok();
            // No part of a signed document is of any use.
            answer.content_type(self.content_type).insert_header((ACCEPT_RANGES, "none"));
            answer.insert_header(("x-content-type-options", "nosniff"));
            answer
        };
        answer
            .insert_header((ETAG, format!("\"{}\"", self.etag)))
            .insert_header((LAST_MODIFIED, date(self.modified)))
            .insert_header((CACHE_CONTROL, format!("public, max-age={}", self.fresh.whole_seconds())));
        if self.is_known_to(request) { answer.finish() } else { answer.body(self.content) }
    }

    /// RFC 9110 section 13.2.2: `If-None-Match` is asked first, `If-Modified-Since` only without it.
    fn is_known_to(&self, request: &HttpRequest) -> bool {
        let headers = request.headers();
        if headers.contains_key(IF_NONE_MATCH) {
            return headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok()).any(|value| {
                value
                    .split(',')
                    .map(str::trim)
                    .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"') == self.etag)
            });
        }
        let since = headers.get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
        since.and_then(|text| text.parse::<HttpDate>().ok()).is_some_and(|since| date(self.modified) <= since)
    }
}

fn date(instant: OffsetDateTime) -> HttpDate {
    // The header has whole seconds; a rest would make a document newer than its own Last-Modified.
    let whole = instant.replace_nanosecond(0).unwrap_or(instant);
    std::time::SystemTime::from(whole).into()
}

/// There is no such document.
pub fn unknown(what: &str) -> HttpResponse {
    HttpResponse::NotFound()
        .insert_header((CACHE_CONTROL, format!("public, max-age={UNKNOWN_AGE}")))
        .content_type("text/plain; charset=utf-8")
        .body(format!("there is no such {what} here\n"))
}

/// Documents are read only.
pub async fn wrong_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, "GET, HEAD"))
        .content_type("text/plain; charset=utf-8")
        .body("only GET and HEAD are answered here\n")
}
