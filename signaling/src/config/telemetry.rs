//! Where metrics and traces are sent, beside `/metrics`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;

/// Where metrics and traces are sent, beside `/metrics`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The URL of an OpenTelemetry collector that takes OTLP over HTTP; empty for none.
    pub otlp_endpoint: String,
    /// Seconds between two exports.
    pub otlp_interval: u64,
    /// Headers that the collector wants.
    pub otlp_headers: BTreeMap<String, Secret>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Telemetry { otlp_endpoint: String::new(), otlp_interval: 30, otlp_headers: BTreeMap::new() }
    }
}
