//! Request counters for Prometheus. Labels are door, method and status: never a name out of a certificate.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, TextEncoder};

/// The registry, and what is counted of every request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    panics: IntCounter,
}

impl Metrics {
    /// Fresh counters in a registry of their own.
    ///
    /// # Errors
    /// Only if a name were registered twice, which would be a fault of this function.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let requests = IntCounterVec::new(
            Opts::new("chancery_http_requests_total", "Requests answered, by door, method and status."),
            &["door", "method", "status"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new("chancery_http_request_seconds", "Time from request to answer, by door.")
                .buckets(vec![0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]),
            &["door"],
        )?;
        let panics = IntCounter::new("chancery_http_panics_total", "Requests that ended in a panic of ours.")?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(panics.clone()))?;
        Ok(Self { registry, requests, seconds, panics })
    }

    /// The registry, for what others count.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Everything, in the text exposition format (`text/plain; version=0.0.4`).
    ///
    /// # Errors
    /// When a collector answers inconsistently.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    pub(crate) fn answered(&self, door: &str, method: &Method, status: StatusCode, took: Duration) {
        self.requests.with_label_values(&[door, known(method), status.as_str()]).inc();
        self.seconds.with_label_values(&[door]).observe(took.as_secs_f64());
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }
}

/// A method's name as a label: a client cannot make new series by inventing methods.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
