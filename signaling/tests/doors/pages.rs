//! The page and what comes with it.

use crate::server::Server;

#[tokio::test]
async fn every_address_has_the_same_page() {
    let server = Server::start_bare(&[]).await;
    let home = server.http("GET", "/", &[], "").await;
    // 503 with a hint where the web client was not built.
    assert!([200, 503].contains(&home.status), "{}", home.status);
    assert_eq!(home.header("content-type"), Some("text/html; charset=utf-8"));
    for path in ["/r/Team-1_b.c", "/drop"] {
        let page = server.http("GET", path, &[], "").await;
        assert_eq!((page.status, page.body), (home.status, home.body.clone()), "{path}");
    }
    if home.status == 503 {
        assert!(home.body.contains("make build"));
    }
    for path in [
        "/r/",
        "/r/a%20b",
        "/r/a/b",
        "/r",
        "/drop/",
        "/nothing",
        "/index.html",
        "/assets/x.js",
        "/assets/../Cargo.toml",
    ] {
        let missing = server.http("GET", path, &[], "").await;
        assert_eq!(missing.status, 404, "{path}");
        assert_eq!(missing.header("content-type"), Some("application/problem+json"), "{path}");
    }
    assert_eq!(server.http("POST", "/", &[], "").await.status, 405);
}

#[tokio::test]
async fn each_page_names_the_scripts_that_it_needs_and_they_are_kept_for_ever() {
    let server = Server::start_bare(&[]).await;
    let mut lists = Vec::new();
    for path in ["/", "/r/team", "/drop", "/status"] {
        let page = server.http("GET", path, &[], "").await;
        if page.status == 503 {
            return;
        }
        let link = page.header("link").unwrap_or_else(|| panic!("{path} names nothing"));
        let files: Vec<String> = link
            .split(", ")
            .map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned())
            .collect();
        for file in &files {
            let script = server.http("GET", file, &[], "").await;
            assert_eq!(script.status, 200, "{file}");
            assert!(script.header("cache-control").unwrap().contains("immutable"), "{file}");
        }
        lists.push(files);
    }
    assert!(lists.windows(2).all(|two| two[0] != two[1]), "each has its own: {lists:?}");
    assert_eq!(server.http("GET", "/preloads.txt", &[], "").await.status, 404);
}

#[tokio::test]
async fn pages_come_with_the_headers_that_protect_them() {
    let server = Server::start_bare(&[]).await;
    let page = server.http("GET", "/", &[], "").await;
    for (header, part) in [
        ("content-security-policy", "default-src 'none'"),
        ("content-security-policy", "frame-ancestors 'self'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("permissions-policy", "camera=(self)"),
    ] {
        let value = page.header(header).unwrap_or_else(|| panic!("no {header}"));
        assert!(value.contains(part), "{header}: {value}");
    }
}
