//! The web client: one document for all pages, and the files it asks for. All of them are in the binary.

use std::time::Instant;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use signaling_core::name;

use super::Context;
use crate::problem::Problem;

/// One file of the built web client.
struct Asset {
    /// Relative to the client's folder.
    path: &'static str,
    etag: &'static str,
    bytes: &'static [u8],
}

static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What each page needs, as a `Link` header: the browser asks for it all at once, before it has read the
/// document and the script that names the next ones.
static PRELOADS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/preloads.rs"));

/// Vite puts what it names by content here: such a file never changes.
const HASHED: &str = "assets/";

const INDEX: &str = "index.html";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>Oriel</title>\
    <p>web client not built: run <code>make build</code></p></html>";

/// Loads `<oriel-room>` into any page: its address never changes, so it is not kept for long.
const LOADER: &str = "embed.js";

/// The policy of every page and file: it loads nothing from anywhere else. Who may hold it in a frame is
/// added: see [`frame_ancestors`].
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     style-src-attr 'unsafe-inline'; img-src 'self' blob:; \
     media-src 'self' blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; \
     worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'self'";

/// Sent with every page and file, too.
const SECURITY: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // A room's name is in the URL, and it is nobody else's business.
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(self), microphone=(self), display-capture=(self), autoplay=(self), \
         fullscreen=(self), screen-wake-lock=(self), speaker-selection=(self), geolocation=()",
    ),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

pub(super) fn routes(context: &Context) -> Router {
    let mut router = Router::new()
        .route("/", get(|headers: HeaderMap| index("home", headers)))
        .route("/drop", get(|headers: HeaderMap| index("drop", headers)))
        .route("/status", get(|headers: HeaderMap| index("status", headers)))
        .route("/demo/cursors", get(|headers: HeaderMap| index("cursors", headers)))
        .route("/embed-demo", get(|headers: HeaderMap| index("embed-demo", headers)))
        .route("/r/{room}", get(room))
        .route("/embed/{room}", get(embedded).with_state(context.clone()))
        .route("/assets/{*path}", get(hashed));
    for asset in ASSETS.iter().filter(|asset| is_on_top(asset.path)) {
        let handler = move |headers: HeaderMap| async move { serve(asset, &headers) };
        router = router.route(&format!("/{}", asset.path), get(handler));
    }
    router.layer(middleware::from_fn(secure))
}

async fn secure(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        frame_ancestors(headers, "");
    }
    response
}

/// Writes the policy of a page that our own pages and `others` may hold in a frame.
fn frame_ancestors(headers: &mut HeaderMap, others: &str) {
    let policy = format!("{POLICY}; frame-ancestors 'self' {others}");
    // Origins are checked where they come in; without them nobody else may.
    let policy = HeaderValue::try_from(policy.trim_end())
        .unwrap_or(HeaderValue::from_static("frame-ancestors 'none'"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
}

async fn index(page: &str, headers: HeaderMap) -> Response {
    match find(INDEX) {
        Some(asset) => {
            let mut response = serve(asset, &headers);
            let links = PRELOADS.iter().find(|(known, _)| *known == page);
            if let Some((_, links)) = links {
                response.headers_mut().insert(header::LINK, HeaderValue::from_static(links));
            }
            response
        }
        None => (
            StatusCode::SERVICE_UNAVAILABLE,
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            NOT_BUILT,
        )
            .into_response(),
    }
}

async fn room(Path(room): Path<String>, headers: HeaderMap) -> Response {
    match name::check_room(&room) {
        Ok(()) => index("room", headers).await,
        Err(_) => no_such_page(),
    }
}

/// A room for the pages that may hold it in a frame: those of the room's list, else of the server's, and those
/// that have a ticket for it.
async fn embedded(
    State(context): State<Context>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    if name::check_room(&room).is_err() {
        return no_such_page();
    }
    let mut others = match context.hub.allowed_origins(&room) {
        Some(own) => own.to_string(),
        None => context.site.allowed_origins().to_string(),
    };
    for origin in context.tickets.origins(&room, Instant::now()) {
        others = format!("{others} {origin}");
    }
    let mut response = index("embed", headers).await;
    frame_ancestors(response.headers_mut(), others.trim_start());
    // Its policy changes with the room.
    let fresh = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, fresh);
    response
}

async fn hashed(Path(path): Path<String>, headers: HeaderMap) -> Response {
    match find(&format!("{HASHED}{path}")) {
        Some(asset) => serve(asset, &headers),
        None => no_such_page(),
    }
}

/// Files with a route of their own: neither those named by content, nor the page, which is at `/`.
fn is_on_top(path: &str) -> bool {
    path != INDEX && !path.starts_with(HASHED)
}

fn no_such_page() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such page").into_response()
}

fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|index| &ASSETS[index])
}

fn serve(asset: &'static Asset, request: &HeaderMap) -> Response {
    let lifetime = match asset.path {
        LOADER => "public, max-age=300",
        path if path.starts_with(HASHED) => "public, max-age=31536000, immutable",
        _ => "no-cache",
    };
    let headers = [(header::ETAG, asset.etag), (header::CACHE_CONTROL, lifetime)];
    let mut response = if is_known(asset, request) {
        (StatusCode::NOT_MODIFIED, headers).into_response()
    } else {
        let content_type = [(header::CONTENT_TYPE, content_type(asset.path))];
        (headers, content_type, asset.bytes).into_response()
    };
    if asset.path == LOADER || asset.path.starts_with(HASHED) {
        // Pages of any origin load them, also such as ask it of all that they load (COEP).
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        let name = HeaderName::from_static("cross-origin-resource-policy");
        headers.insert(name, HeaderValue::from_static("cross-origin"));
    }
    response
}

/// `If-None-Match` (RFC 9110 §13.1.2).
fn is_known(asset: &Asset, request: &HeaderMap) -> bool {
    request
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == "*" || tag == asset.etag)
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SCRIPT: Asset =
        Asset { path: "assets/app-1a2b.js", etag: "\"00ff\"", bytes: b"export {}" };

    fn asking_for(tag: &'static str) -> Response {
        let headers =
            HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(tag))]);
        serve(&SCRIPT, &headers)
    }

    #[test]
    fn hashed_files_are_kept_for_ever_and_known_ones_not_sent_again() {
        let fresh = serve(&SCRIPT, &HeaderMap::new());
        assert_eq!(fresh.status(), StatusCode::OK);
        assert_eq!(fresh.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert!(fresh.headers()[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(asking_for("W/\"0\", \"00ff\"").status(), StatusCode::NOT_MODIFIED);
        assert_eq!(asking_for("\"00f0\"").status(), StatusCode::OK);
    }

    #[test]
    fn the_table_is_sorted_as_the_search_needs_it() {
        assert!(ASSETS.is_sorted_by_key(|asset| asset.path));
    }
}
