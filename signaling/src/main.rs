//! The binary `oriel`.

fn main() -> anyhow::Result<()> {
    signaling::cli::main()
}
