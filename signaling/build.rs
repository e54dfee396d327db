//! Puts the built web client into the binary: writes a table of `include_bytes!` for every file of
//! `web-client/app/dist`, or an empty one where it was not built. Cargo alone never needs npm.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const DIST: &str = "../web-client/app/dist";
/// Which files each page needs: `app/vite.preloads.ts` writes it, and nobody is served it.
const PRELOADS: &str = "preloads.txt";

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join(DIST);
    // Of a path that is missing Cargo always thinks that it changed: watch the folder above instead.
    let watched = if dist.is_dir() { dist.clone() } else { root.join("../web-client/app") };
    println!("cargo:rerun-if-changed={}", watched.display());
    println!("cargo:rerun-if-changed=build.rs");

    let mut files = BTreeMap::new();
    let mut preloads = String::new();
    if dist.is_dir() {
        collect(&dist, "", &mut files)?;
        if let Some(file) = files.remove(PRELOADS) {
            preloads = fs::read_to_string(file)?;
        }
    }
    let mut table = String::from("&[\n");
    for (path, file) in &files {
        let etag = fingerprint(&fs::read(file)?);
        writeln!(
            table,
            "Asset {{ path: {path:?}, etag: \"\\\"{etag:016x}\\\"\", bytes: include_bytes!({file:?}) }},"
        )
        .map_err(io::Error::other)?;
    }
    table.push(']');
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("preloads.rs"), links(&preloads)?)?;
    fs::write(out.join("assets.rs"), table)
}

/// The pages with their `Link` headers (RFC 8288; modulepreload of the HTML Living Standard).
fn links(preloads: &str) -> io::Result<String> {
    let mut table = String::from("&[\n");
    for line in preloads.lines() {
        let mut words = line.split(' ');
        let page = words.next().unwrap_or_default();
        let links: Vec<String> =
            words.map(|file| format!("</{file}>; rel=\"modulepreload\"")).collect();
        writeln!(table, "({page:?}, {:?}),", links.join(", ")).map_err(io::Error::other)?;
    }
    table.push(']');
    Ok(table)
}

/// The files below `folder` by their path in a URL.
fn collect(folder: &Path, above: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| io::Error::other("a file name is not UTF-8"))?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{above}{name}/"), files)?;
        } else {
            files.insert(format!("{above}{name}"), entry.path());
        }
    }
    Ok(())
}

/// FNV-1a: tells one build's file from another's.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
