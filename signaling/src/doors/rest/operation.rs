//! One thing that can be asked by REST. The router and the OpenAPI document are both made of these, so
//! neither has what the other lacks.

use std::future::Future;
use std::pin::Pin;

use axum::http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::call::{Answer, Call};
use crate::problem::Problem;

/// What answers a call.
pub(super) type Handler = fn(Call) -> Answering;

/// An answer to come.
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

/// Writes the schema of one type.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One method of one path.
pub(super) struct Operation {
    pub(super) method: Method,
    /// With `{names}` for its parameters.
    pub(super) path: &'static str,
    /// Its name for programs, in snake case.
    pub(super) id: &'static str,
    /// What it does, for people: one sentence.
    pub(super) summary: &'static str,
    /// The claim that its token needs; `None` where it needs no token.
    pub(super) needs: Option<&'static str>,
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<SchemaOf>,
    pub(super) success: Success,
    pub(super) handler: Handler,
}

/// What comes of it when all is well.
pub(super) struct Success {
    pub(super) status: StatusCode,
    pub(super) content: Content,
}

/// What is in a response.
pub(super) enum Content {
    None,
    Json(SchemaOf),
    /// Anything else, by its media type.
    Other(&'static str),
}

impl Operation {
    /// An operation whose success has nothing in it.
    pub(super) fn new(
        method: Method,
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        handler: Handler,
    ) -> Operation {
        let success = Success { status: StatusCode::NO_CONTENT, content: Content::None };
        let (query, body, needs) = (None, None, None);
        Operation { method, path, id, summary, needs, query, body, success, handler }
    }

    /// The claim that its token needs.
    pub(super) fn needs(self, claim: &'static str) -> Operation {
        Operation { needs: Some(claim), ..self }
    }

    /// What its query may say.
    pub(super) fn query<T: JsonSchema>(self) -> Operation {
        Operation { query: Some(T::json_schema), ..self }
    }

    /// What its body must be.
    pub(super) fn takes<T: JsonSchema>(self) -> Operation {
        Operation { body: Some(SchemaGenerator::subschema_for::<T>), ..self }
    }

    /// What it gives.
    pub(super) fn gives<T: JsonSchema>(self, status: StatusCode) -> Operation {
        let content = Content::Json(SchemaGenerator::subschema_for::<T>);
        Operation { success: Success { status, content }, ..self }
    }

    /// What it gives, where that is no JSON of ours.
    pub(super) fn shows(self, media_type: &'static str) -> Operation {
        let content = Content::Other(media_type);
        Operation { success: Success { status: StatusCode::OK, content }, ..self }
    }

    /// The names in its path, in their order.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Whether asking twice does more than asking once.
    pub(super) fn is_safe(&self) -> bool {
        self.method == Method::GET
    }
}

/// Makes a [`Handler`] of an async function.
macro_rules! handler {
    ($function:path) => {
        |call| Box::pin($function(call))
    };
}
pub(super) use handler;
