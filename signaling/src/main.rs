//! The binary `oriel`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match signaling::cli::main() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, causes included.
            eprintln!("oriel: {error:#}");
            ExitCode::FAILURE
        }
    }
}
