//! A program as another program's tool: a line of JSON says that it is ready, then it answers every
//! line of JSON on standard input with one on standard output, until the input ends.

use std::fmt::Display;
use std::io::{self, BufRead, Write};
use std::thread;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Lines that may wait for their answers.
const LINES: usize = 16;

/// Prints `ready`, then answers each line that can be read as a `Q`, one after the other. What
/// cannot be read or done is answered with `{"error": "why"}`. Returns when standard input ends, or
/// on SIGINT or SIGTERM.
///
/// # Errors
///
/// When standard output is closed, or signals cannot be listened to.
pub async fn serve<Q: DeserializeOwned, A: Serialize, E: Display>(
    ready: &impl Serialize,
    mut answer: impl AsyncFnMut(Q) -> Result<A, E>,
) -> io::Result<()> {
    let (read, mut lines) = mpsc::channel(LINES);
    // Reading cannot be interrupted: a thread of its own does not keep the program from ending.
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if read.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let (mut interrupted, mut terminated) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    say(ready)?;
    loop {
        let line = tokio::select! {
            line = lines.recv() => line,
            _ = interrupted.recv() => None,
            _ = terminated.recv() => None,
        };
        let Some(line) = line else { return Ok(()) };
        let answered = match serde_json::from_str(&line) {
            Ok(question) => answer(question).await.map_err(|error| error.to_string()),
            Err(error) => Err(format!("`{line}` makes no sense here: {error}")),
        };
        match answered {
            Ok(answer) => say(&answer)?,
            Err(error) => say(&serde_json::json!({ "error": error }))?,
        }
    }
}

fn say(words: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(words)?;
    line.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&line)?;
    output.flush()
}
