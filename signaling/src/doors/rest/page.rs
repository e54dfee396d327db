//! The OpenAPI document as a page for people. It is written here, so it needs no script, and is as old as
//! the server.

use std::fmt::Write as _;

use serde_json::Value;

/// How it looks.
pub(super) const STYLE: &str = include_str!("page.css");

/// Writes the page.
pub(super) fn write(document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Oriel: rooms by REST</title>\n\
         <link rel=\"stylesheet\" href=\"/v1/docs.css\">\n</head>\n<body>\n<main>\n",
    );
    let info = &document["info"];
    let version = info["version"].as_str().unwrap_or_default();
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(page, "<h1>Rooms by REST</h1>\n<p class=\"version\">Oriel {version}</p>");
    let _ = writeln!(page, "<p>{}</p>", prose(&info["description"]));
    let _ = writeln!(
        page,
        "<p>The same for programs: <a href=\"/v1/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>"
    );
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            write_operation(&mut page, path, method, operation);
        }
    }
    page.push_str("<h2 id=\"types\">Types</h2>\n");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        write_type(&mut page, name, schema);
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn write_operation(page: &mut String, path: &str, method: &str, operation: &Value) {
    let id = escaped(operation["operationId"].as_str().unwrap_or_default());
    let _ = writeln!(
        page,
        "<section id=\"{id}\">\n<h2><b>{}</b> <code>{}</code></h2>\n<p>{} {}</p>",
        method.to_ascii_uppercase(),
        escaped(path),
        prose(&operation["summary"]),
        prose(&operation["description"]),
    );
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows: Vec<(String, String, String)> = parameters
        .map(|parameter| {
            let name = parameter["name"].as_str().unwrap_or_default();
            let place = parameter["in"].as_str().unwrap_or_default();
            let what = format!("{place}: {}", type_of(&parameter["schema"]));
            (escaped(name), what, prose(&parameter["description"]))
        })
        .collect();
    write_table(page, &rows);
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    if !body.is_null() {
        let _ = writeln!(page, "<p>Takes {}.</p>", type_of(body));
    }
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let schema = &response["content"]["application/json"]["schema"];
        if !schema.is_null() {
            let _ = writeln!(page, "<p>Gives {} ({}).</p>", type_of(schema), escaped(status));
        }
    }
    page.push_str("</section>\n");
}

fn write_type(page: &mut String, name: &str, schema: &Value) {
    let name = escaped(name);
    let description = prose(&schema["description"]);
    let _ = writeln!(page, "<section id=\"type-{name}\">\n<h3>{name}</h3>\n<p>{description}</p>");
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    let rows: Vec<(String, String, String)> = properties
        .map(|(name, schema)| {
            let optional = if required.contains(&name.as_str()) { "" } else { ", optional" };
            let what = format!("{}{optional}", type_of(schema));
            (escaped(name), what, prose(&schema["description"]))
        })
        .collect();
    if rows.is_empty() {
        let _ = writeln!(page, "<p>{}</p>", type_of(schema));
    }
    write_table(page, &rows);
    page.push_str("</section>\n");
}

fn write_table(page: &mut String, rows: &[(String, String, String)]) {
    if rows.is_empty() {
        return;
    }
    page.push_str("<table>\n");
    for (name, what, description) in rows {
        let _ = writeln!(
            page,
            "<tr><th><code>{name}</code></th><td>{what}</td><td>{description}</td></tr>"
        );
    }
    page.push_str("</table>\n");
}

/// What may stand there, in a few words.
fn type_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escaped(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#type-{name}\">{name}</a>");
    }
    for alternatives in ["anyOf", "oneOf"] {
        if let Some(several) = schema[alternatives].as_array() {
            let several: Vec<String> =
                several.iter().map(type_of).filter(|it| it != "null").collect();
            return several.join(" or ");
        }
    }
    if let Some(value) = schema["const"].as_str() {
        return format!("<code>{}</code>", escaped(value));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str);
        let values: Vec<String> =
            values.map(|it| format!("<code>{}</code>", escaped(it))).collect();
        return values.join(" or ");
    }
    let word = match &schema["type"] {
        Value::Array(several) => several.first().and_then(Value::as_str).unwrap_or_default(),
        word => word.as_str().unwrap_or("anything"),
    };
    match word {
        "array" => format!("list of {}", type_of(&schema["items"])),
        "object" if schema["additionalProperties"].is_object() => {
            format!("texts to {}", type_of(&schema["additionalProperties"]))
        }
        word => escaped(word),
    }
}

/// A text with `code` in it.
fn prose(text: &Value) -> String {
    let text = escaped(text.as_str().unwrap_or_default());
    let mut parts = text.split('`');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        out.push_str(if index % 2 == 0 { "<code>" } else { "</code>" });
        out.push_str(part);
    }
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_every_operation_and_loads_nothing_but_its_style() {
        let operations = super::super::operations();
        let page = write(&super::super::document::write(&operations));
        for operation in &operations {
            assert!(page.contains(&format!("<section id=\"{}\">", operation.id)));
        }
        assert!(!page.contains("<script") && !page.contains("style=") && !page.contains("src="));
        // Every link leads to something on this server, or on the page.
        for link in page.split("href=\"").skip(1) {
            assert!(link.starts_with('#') || link.starts_with("/v1/"), "{}", &link[..40]);
        }
        for link in page.split("href=\"#").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(page.contains(&format!("id=\"{name}\"")), "{name}");
        }
    }

    #[test]
    fn what_is_not_ours_is_no_markup() {
        assert_eq!(
            prose(&"a `<b>` & \"c\"".into()),
            "a <code>&lt;b&gt;</code> &amp; &quot;c&quot;"
        );
    }
}
