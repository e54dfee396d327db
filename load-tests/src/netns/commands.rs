//! The system's tools, as they are called here.

use std::io::Write;
use std::process::{Command, Stdio};

use super::NetworkError;

/// Runs the lines of a script as `ip` commands in a namespace.
pub(super) fn ip(namespace: &str, script: &str) -> Result<(), NetworkError> {
    run("ip", &["-n", namespace, "-batch", "-"], script).map(drop)
}

/// Applies a ruleset in a namespace.
pub(super) fn nft(namespace: &str, rules: &str) -> Result<(), NetworkError> {
    run("ip", &["netns", "exec", namespace, "nft", "-f", "-"], rules).map(drop)
}

/// Runs `conntrack` in a namespace.
pub(super) fn conntrack(namespace: &str, arguments: &[&str]) -> Result<(), NetworkError> {
    run("ip", &[&["netns", "exec", namespace, "conntrack"], arguments].concat(), "").map(drop)
}

/// Runs a program to its end, and returns what it printed.
pub(super) fn run(program: &str, arguments: &[&str], input: &str) -> Result<String, NetworkError> {
    let not_there = |error| NetworkError::Tool(program.to_owned(), error);
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(not_there)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read to the end says why on its own.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(not_there)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let command = [&[program], arguments].concat().join(" ");
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let reason = if input.is_empty() { reason } else { format!("{reason}; it was told:\n{input}") };
    Err(NetworkError::Command { command, reason })
}
