//! The OpenAPI document (3.1), made of the operations and of the types that they take and give.

use axum::http::Method;
use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Call};
use super::operation::{Content, Operation, handler};
use crate::problem::Problem;

const JSON: &str = "application/json";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/v1/openapi.json",
            "get_document",
            "This document.",
            handler!(document),
        )
        .shows("application/vnd.oai.openapi+json;version=3.1"),
        Operation::new(
            Method::GET,
            "/v1/docs",
            "get_page",
            "This document, as a page for people.",
            handler!(page),
        )
        .shows("text/html; charset=utf-8"),
        Operation::new(
            Method::GET,
            "/v1/docs.css",
            "get_style",
            "How the page looks.",
            handler!(style),
        )
        .shows("text/css; charset=utf-8"),
    ]
}

async fn document(call: Call) -> Result<Answer, Problem> {
    let document = call.door.papers.document.clone();
    Ok(Answer::other("application/vnd.oai.openapi+json;version=3.1", document.into()))
}

async fn page(call: Call) -> Result<Answer, Problem> {
    let page = call.door.papers.page.clone();
    Ok(Answer::other("text/html; charset=utf-8", page.into()))
}

async fn style(_: Call) -> Result<Answer, Problem> {
    Ok(Answer::other("text/css; charset=utf-8", super::page::STYLE.as_bytes().into()))
}

/// How a failure is told (RFC 9457). `problem.rs` writes it.
#[derive(Debug, Serialize, JsonSchema)]
struct ProblemDetails {
    /// `about:blank`
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What is wrong and what to do, for people.
    detail: String,
    /// What is wrong, for programs.
    code: String,
    /// Whether the very same call may succeed later.
    retry: bool,
}

/// Writes the document.
pub(super) fn write(operations: &[Operation]) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut schemas = settings.into_generator();
    let mut paths = Map::new();
    for operation in operations {
        let described = describe(operation, &mut schemas);
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_ascii_lowercase()] = described;
    }
    let problem = schemas.subschema_for::<ProblemDetails>();
    let mut components = schemas.take_definitions(true);
    for schema in components.values_mut() {
        if let Ok(schema) = schema.try_into() {
            Closed.transform(schema);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Oriel",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Rooms by REST, for back ends.",
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {
                "Problem": {
                    "description": "It was not done.",
                    "content": { "application/problem+json": { "schema": problem } },
                },
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token of one of the server's keys.",
                },
            },
        },
    })
}

const DESCRIPTION: &str = "Every call carries a token (`Authorization: Bearer …`) whose claims allow it; \
    with `oriel.admin` it allows all of them. What is only read has an `ETag`: with `If-None-Match` the \
    answer is 304 while nothing has changed. A call that changes something may carry an \
    `Idempotency-Key` of 1 to 255 printable characters: asked again with the same key within an hour, it \
    is not done again, and answered as before. Failures are problem details (RFC 9457) with a `code`.";

fn describe(operation: &Operation, schemas: &mut SchemaGenerator) -> Value {
    let mut parameters: Vec<Value> = operation.parameters().map(path_parameter).collect();
    if let Some(query) = operation.query {
        parameters.extend(query_parameters(&query(schemas)));
    }
    if operation.needs.is_some() && !operation.is_safe() {
        parameters.push(json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Names this call, so that it is carried out once.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        }));
    }
    let mut success = json!({ "description": "It is done." });
    match operation.success.content {
        Content::None => {}
        Content::Json(schema) => {
            success["content"] = json!({ JSON: { "schema": schema(schemas) } });
        }
        Content::Other(media_type) => success["content"] = json!({ media_type: {} }),
    }
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let mut responses = json!({ operation.success.status.as_str(): success, "default": problem });
    if operation.is_safe() {
        responses["304"] = json!({ "description": "Nothing has changed since `If-None-Match`." });
    }
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": responses,
    });
    if let Some(claim) = operation.needs {
        described["description"] = format!("The token needs `{claim}`, or `oriel.admin`.").into();
        described["security"] = json!([{ "token": [] }]);
    }
    if !parameters.is_empty() {
        described["parameters"] = parameters.into();
    }
    if let Some(body) = operation.body {
        let schema = body(schemas);
        described["requestBody"] =
            json!({ "required": true, "content": { JSON: { "schema": schema } } });
    }
    described
}

fn path_parameter(name: &str) -> Value {
    let (description, schema) = match name {
        "room" => {
            ("The room's name.", json!({ "type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$" }))
        }
        "participant" => (
            "The participant's id, or its identity.",
            json!({ "type": "string", "minLength": 1, "maxLength": 128 }),
        ),
        "waiting" => (
            "The id of somebody who waits.",
            json!({ "type": "string", "pattern": "^PA_[0-9a-f][0-9a-hjkmnp-tv-z]{12}$" }),
        ),
        "endpoint" => (
            "The endpoint's id in the configuration.",
            json!({ "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }),
        ),
        "letter" => (
            "The dead letter's number.",
            json!({ "type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_991_u64 }),
        ),
        "track" => (
            "The track's id.",
            json!({ "type": "string", "pattern": "^TR_[0-9a-f][0-9a-hjkmnp-tv-z]{12}$" }),
        ),
        _ => ("", json!({ "type": "string", "minLength": 1 })),
    };
    json!({
        "name": name,
        "in": "path",
        "required": true,
        "description": description,
        "schema": schema,
    })
}

/// Each property of a query's type is a parameter.
fn query_parameters(query: &Schema) -> Vec<Value> {
    let Some(Value::Object(properties)) = query.get("properties") else { return Vec::new() };
    let describe = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        // A query cannot say `null`.
        if let Some(Value::Array(types)) = schema.get("type") {
            schema["type"] = types.first().cloned().unwrap_or_default();
        }
        json!({
            "name": name,
            "in": "query",
            "required": false,
            "description": description,
            "schema": schema,
        })
    };
    properties.iter().map(describe).collect()
}

/// Objects have the properties that are listed, and no others.
#[derive(Clone)]
struct Closed;

impl Transform for Closed {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(object) = schema.as_object_mut()
            && object.contains_key("properties")
        {
            object.entry("additionalProperties").or_insert(Value::Bool(false));
        }
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything in a document that says what an object is.
    fn objects<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        if value.get("properties").is_some() {
            found.push(value);
        }
        match value {
            Value::Object(fields) => fields.values().for_each(|value| objects(value, found)),
            Value::Array(items) => items.iter().for_each(|value| objects(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own_and_every_schema_is_closed() {
        let all = super::super::operations();
        let document = write(&all);
        let mut names: Vec<&str> = all.iter().map(|operation| operation.id).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        let methods: usize = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|path| path.as_object().unwrap().len())
            .sum();
        assert_eq!(methods, count);

        let mut found = Vec::new();
        objects(&document["components"]["schemas"], &mut found);
        assert!(found.len() > 10, "{}", found.len());
        for object in found {
            assert_eq!(object["additionalProperties"], false, "{object}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn references(value: &Value, found: &mut Vec<String>) {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(reference)) = fields.get("$ref") {
                        found.push(reference.clone());
                    }
                    fields.values().for_each(|value| references(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| references(value, found)),
                _ => {}
            }
        }
        let document = write(&super::super::operations());
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}
