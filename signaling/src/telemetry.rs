//! Metrics and traces for an OpenTelemetry collector: OTLP over HTTP, as JSON
//! (<https://opentelemetry.io/docs/specs/otlp/>).
//!
//! Metrics are those of `/metrics`. A trace has one span for each HTTP request, below that of its asker
//! where it brings one (W3C Trace Context). Both are bounded: a collector that is not there costs nothing
//! but the newest spans.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use axum::http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::client::{self, Client, Target};
use crate::config;
use crate::metrics::{Family, Sample, Sources};

/// Spans that may wait for the next export. What is beyond is counted and dropped.
const SPANS: usize = 2048;
/// How long a collector has for its answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Takes note of requests. Clones are the same one; without a collector it takes none.
#[derive(Clone, Default)]
pub struct Tracer {
    spans: Option<Arc<Spans>>,
}

#[derive(Default)]
struct Spans {
    waiting: Mutex<Vec<Value>>,
    dropped: AtomicU64,
}

/// A request that is being answered.
#[derive(Debug, Clone)]
pub struct Span {
    place: Place,
    id: u64,
    name: String,
    route: String,
    begun: SystemTime,
}

/// Where a span belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    trace: u128,
    parent: Option<u64>,
}

impl Tracer {
    /// A request has come; `None` where nobody wants to know.
    pub fn begin(&self, method: &Method, route: &str, headers: &HeaderMap) -> Option<Span> {
        self.spans.as_ref()?;
        let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
        let place = match given.and_then(Asker::read) {
            Some(asker) if !asker.is_sampled => return None,
            Some(asker) => Place { trace: asker.trace, parent: Some(asker.span) },
            None => Place { trace: rand::random(), parent: None },
        };
        Some(Span {
            place,
            id: rand::random(),
            name: format!("{method} {route}"),
            route: route.to_owned(),
            begun: SystemTime::now(),
        })
    }

    /// It was answered.
    pub fn end(&self, span: Option<Span>, status: u16) {
        let (Some(spans), Some(span)) = (&self.spans, span) else { return };
        let mut waiting = spans.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < SPANS {
            waiting.push(span.ended(status));
        } else {
            spans.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Spans {
    fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Span {
    fn ended(self, status: u16) -> Value {
        let mut span = json!({
            "traceId": format!("{:032x}", self.place.trace),
            "spanId": format!("{:016x}", self.id),
            "name": self.name,
            // SPAN_KIND_SERVER
            "kind": 2,
            "startTimeUnixNano": nanos(self.begun),
            "endTimeUnixNano": nanos(SystemTime::now()),
            "attributes": [
                text("http.route", &self.route),
                number("http.response.status_code", status.into()),
            ],
            // STATUS_CODE_ERROR, or unset
            "status": if status >= 500 { json!({ "code": 2 }) } else { json!({}) },
        });
        if let Some(parent) = self.place.parent {
            span["parentSpanId"] = format!("{parent:016x}").into();
        }
        span
    }
}

/// Who asks, by the header `traceparent` (W3C Trace Context §3.2).
#[derive(Debug, PartialEq, Eq)]
struct Asker {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

impl Asker {
    fn read(header: &str) -> Option<Asker> {
        let mut parts = header.split('-');
        let (version, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
        let flags = parts.next()?;
        let is_hex = |text: &str, digits: usize| {
            text.len() == digits
                && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let fits = is_hex(version, 2) && is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2);
        // Later versions may add parts; this one has none, and ff is no version.
        if !fits || version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        let asker = Asker {
            trace: u128::from_str_radix(trace, 16).ok()?,
            span: u64::from_str_radix(span, 16).ok()?,
            is_sampled: u8::from_str_radix(flags, 16).ok()? & 1 == 1,
        };
        (asker.trace != 0 && asker.span != 0).then_some(asker)
    }
}

/// Sends what is counted and traced to a collector.
pub struct Exporter {
    metrics: Target,
    traces: Target,
    interval: Duration,
    headers: Vec<(String, String)>,
    client: Client,
    spans: Arc<Spans>,
    /// What all of it is about.
    resource: Value,
    started: SystemTime,
}

impl Exporter {
    /// As configured, with the tracer that feeds it; `None` without a collector.
    ///
    /// # Errors
    /// When the collector's URL cannot be one; the text names the key.
    pub fn new(config: &config::Telemetry) -> anyhow::Result<Option<(Exporter, Tracer)>> {
        if config.otlp_endpoint.is_empty() {
            return Ok(None);
        }
        let target = |signal: &str| {
            let url = format!("{}/v1/{signal}", config.otlp_endpoint.trim_end_matches('/'));
            Target::parse(&url).context("telemetry.otlp_endpoint")
        };
        let headers = config.otlp_headers.iter();
        let spans = Arc::<Spans>::default();
        let host = gethostname::gethostname();
        let exporter = Exporter {
            metrics: target("metrics")?,
            traces: target("traces")?,
            interval: Duration::from_secs(config.otlp_interval.max(1)),
            headers: headers.map(|(name, value)| (name.clone(), value.expose().into())).collect(),
            // A collector is the operator's own, and mostly on a private address.
            client: Client::new(Arc::new(|_| true), TIMEOUT, client::system_roots())?,
            spans: Arc::clone(&spans),
            resource: json!({
                "attributes": [
                    text("service.name", "oriel"),
                    text("service.version", env!("CARGO_PKG_VERSION")),
                    text("service.instance.id", &host.to_string_lossy()),
                ],
            }),
            started: SystemTime::now(),
        };
        Ok(Some((exporter, Tracer { spans: Some(spans) })))
    }

    /// Exports for ever.
    pub async fn run(self, sources: Sources) {
        let mut interval = tokio::time::interval(self.interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            self.post(&self.metrics, &self.write_metrics(&sources.read())).await;
            let spans = self.spans.take();
            if !spans.is_empty() {
                self.post(&self.traces, &self.write_spans(spans)).await;
            }
            let dropped = self.spans.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                tracing::warn!(dropped, "more requests than spans that can wait for an export");
            }
        }
    }

    async fn post(&self, target: &Target, body: &Value) {
        let headers: Vec<(&str, String)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let body = body.to_string().into_bytes();
        if let Err(error) = self.client.post(target, &headers, body).await {
            tracing::warn!(%error, "the collector takes nothing (telemetry.otlp_endpoint)");
        }
    }

    fn write_metrics(&self, families: &[Family]) -> Value {
        let (began, now) = (nanos(self.started), nanos(SystemTime::now()));
        let point = |sample: &Sample| {
            let labels = sample.labels.iter().map(|(name, value)| text(name, value));
            json!({
                "startTimeUnixNano": began,
                "timeUnixNano": now,
                "asInt": sample.value.to_string(),
                "attributes": labels.collect::<Vec<_>>(),
            })
        };
        let metric = |family: &Family| {
            let points: Vec<Value> = family.samples.iter().map(point).collect();
            let mut metric = json!({ "name": family.name, "description": family.help });
            match family.is_gauge {
                true => metric["gauge"] = json!({ "dataPoints": points }),
                false => {
                    metric["sum"] = json!({
                        // AGGREGATION_TEMPORALITY_CUMULATIVE
                        "aggregationTemporality": 2,
                        "isMonotonic": true,
                        "dataPoints": points,
                    });
                }
            }
            metric
        };
        let metrics: Vec<Value> = families.iter().map(metric).collect();
        json!({
            "resourceMetrics": [{
                "resource": self.resource,
                "scopeMetrics": [{ "scope": { "name": "oriel" }, "metrics": metrics }],
            }],
        })
    }

    fn write_spans(&self, spans: Vec<Value>) -> Value {
        json!({
            "resourceSpans": [{
                "resource": self.resource,
                "scopeSpans": [{ "scope": { "name": "oriel" }, "spans": spans }],
            }],
        })
    }
}

/// In JSON, 64 bits are a text.
fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn who_asks_is_read_as_the_recommendation_has_it() {
        let asker = Asker {
            trace: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
            span: 0x00f0_67aa_0ba9_02b7,
            is_sampled: true,
        };
        assert_eq!(Asker::read(PARENT), Some(asker));
        assert!(!Asker::read(&PARENT.replace("-01", "-00")).unwrap().is_sampled);
        assert!(Asker::read(&format!("01{}-more", &PARENT[2..])).is_some());
        for bad in [
            "",
            "00-1-2-3",
            &PARENT.to_uppercase(),
            &format!("{PARENT}-more"),
            &format!("ff{}", &PARENT[2..]),
            &PARENT.replace("00f067aa0ba902b7", "0000000000000000"),
        ] {
            assert_eq!(Asker::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn without_a_collector_nothing_is_kept_and_with_one_not_without_end() {
        let (method, headers) = (Method::GET, HeaderMap::new());
        assert!(Tracer::default().begin(&method, "/", &headers).is_none());
        let spans = Arc::<Spans>::default();
        let tracer = Tracer { spans: Some(Arc::clone(&spans)) };
        for _ in 0..SPANS + 5 {
            let span = tracer.begin(&method, "/", &headers);
            tracer.end(span, 500);
        }
        assert_eq!(spans.take().len(), SPANS);
        assert_eq!(spans.dropped.load(Ordering::Relaxed), 5);
        let headers = HeaderMap::from_iter([(
            "traceparent".parse().unwrap(),
            PARENT.replace("-01", "-00").parse().unwrap(),
        )]);
        assert!(tracer.begin(&method, "/", &headers).is_none(), "its asker does not want it");
    }
}
