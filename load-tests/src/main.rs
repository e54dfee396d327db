//! The `load` command.

mod args;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use load_tests::call;

#[tokio::main]
async fn main() -> ExitCode {
    let Command::Call(args) = Cli::parse().command;
    match call::run(&args.into()).await {
        Ok(report) => {
            print!("{report}");
            if report.all_right() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("load: {error:#}");
            ExitCode::FAILURE
        }
    }
}
