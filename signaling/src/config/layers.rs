//! From documents to one [`Config`]: defaults, a file, the environment, `--set`. Later layers win,
//! key by key; the merged document is deserialized once.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, Unusable};

/// Environment variables that begin like this are keys: `ORIEL__SERVER__HTTP_PORT=0`.
pub const ENV_PREFIX: &str = "ORIEL__";

/// Where a configuration comes from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Pairs `key=value` of the command line, first to last.
    pub set: Vec<String>,
}

/// Why there is no configuration. The text names the layer and the key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {source}")]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What the parser says, with the line.
        source: Box<toml::de::Error>,
    },
    /// A `--set` without `=`, or a variable without a key.
    #[error("{0:?} is not of the form key=value, as in --set server.http_port=0")]
    NotAPair(String),
    /// A key below one that is not a section.
    #[error("{origin}: {key} is not a section")]
    NotASection {
        /// The layer.
        origin: String,
        /// The key that would have to be a section.
        key: String,
    },
    /// A key that does not exist, or a value of the wrong type.
    #[error("{key}: {problem}")]
    Invalid {
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// A configuration that cannot work.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

/// Reads and merges all layers. `environment` is that of the process, or a test's.
pub fn load(
    sources: &Sources,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let defaults = document(&Config::default())?;
    let mut merged = defaults.clone();
    if let Some(path) = &sources.file {
        merge(&mut merged, read(path)?);
    }
    let mut variables: Vec<_> = environment
        .into_iter()
        .filter_map(|(name, value)| {
            let key = name.strip_prefix(ENV_PREFIX)?.to_ascii_lowercase().replace("__", ".");
            Some((name, key, value))
        })
        .collect();
    variables.sort();
    for (name, key, value) in variables {
        assign(&mut merged, &defaults, &name, &key, &value)?;
    }
    for pair in &sources.set {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| ConfigError::NotAPair(pair.clone()))?;
        assign(&mut merged, &defaults, &format!("--set {key}"), key.trim(), value.trim())?;
    }
    let config: Config =
        serde_path_to_error::deserialize(Value::Table(merged)).map_err(|error| {
            ConfigError::Invalid {
                key: error.path().to_string(),
                problem: error.into_inner().message().to_owned(),
            }
        })?;
    config.check()?;
    Ok(config)
}

/// A configuration as a TOML document. Secrets are redacted.
pub fn document(config: &Config) -> Result<Table, ConfigError> {
    Table::try_from(config).map_err(|error| ConfigError::Invalid {
        key: "the configuration".into(),
        problem: error.to_string(),
    })
}

fn read(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.into(), source })?;
    text.parse()
        .map_err(|source| ConfigError::NotToml { path: path.into(), source: Box::new(source) })
}

/// Lays `over` upon `base`: tables are merged, everything else is replaced.
fn merge(base: &mut Table, over: Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Sets one dotted key to a value written as text.
fn assign(
    document: &mut Table,
    defaults: &Table,
    origin: &str,
    key: &str,
    text: &str,
) -> Result<(), ConfigError> {
    let mut path: Vec<&str> = key.split('.').collect();
    let Some(last) = path.pop().filter(|last| !last.is_empty()) else {
        return Err(ConfigError::NotAPair(origin.into()));
    };
    let mut table = document;
    let mut default = Some(defaults);
    for (depth, section) in path.iter().enumerate() {
        default = default.and_then(|table| table.get(*section)).and_then(Value::as_table);
        table = table
            .entry(*section)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .ok_or_else(|| ConfigError::NotASection {
                origin: origin.into(),
                key: path[..=depth].join("."),
            })?;
    }
    let value = value_of(text, default.and_then(|table| table.get(last)));
    table.insert(last.into(), value);
    Ok(())
}

/// A value written without TOML's quotes where its default tells what it must be.
fn value_of(text: &str, default: Option<&Value>) -> Value {
    let parsed = format!("v = {text}").parse::<Table>().ok().and_then(|mut t| t.remove("v"));
    match (default, parsed) {
        (Some(Value::String(_)), Some(Value::String(quoted))) => Value::String(quoted),
        (Some(Value::String(_)), _) => Value::String(text.into()),
        (Some(Value::Array(_)), Some(Value::Array(list))) => Value::Array(list),
        (Some(Value::Array(_)), _) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.into()))
                .collect(),
        ),
        (_, Some(value)) => value,
        (_, None) => Value::String(text.into()),
    }
}
